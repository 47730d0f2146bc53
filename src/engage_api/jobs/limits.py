"""How long a kind of job may take, how often and when it is tried, and how many run beside it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TypedDict

from engage_api.core.dice import DICE

USUAL, WEBHOOKS, SANDBOXES, EMPTYING, CLOCKS = "usual", "webhooks", "sandboxes", "emptying", "clocks"
POOLS: Mapping[str, int] = {USUAL: 4, WEBHOOKS: 256, SANDBOXES: 2, EMPTYING: 1, CLOCKS: 8}
"""How many jobs of each pool a worker runs at once: whatever waits for others' servers takes no slot of the rest, and
what sandboxes leave behind is taken away however many are being filled and copied.
"""
JITTER = 0.2  # of a delay, either way: what failed together does not come back together
MOST_DOUBLINGS = 64  # more would leave what a float can multiply


@dataclass(frozen=True, slots=True)
class Backoff:
    """Delays that grow from `first` by `factor` up to `longest`, each ±20 %."""

    first: timedelta = timedelta(seconds=2)
    factor: float = 2.0
    longest: timedelta = timedelta(hours=1)

    def delay(self, attempts: int) -> timedelta:
        """How long to wait after so many failed attempts (1 or more)."""
        grown = self.first.total_seconds() * self.factor ** min(attempts - 1, MOST_DOUBLINGS)
        seconds = min(grown, self.longest.total_seconds())
        return timedelta(seconds=seconds * DICE.uniform(1 - JITTER, 1 + JITTER))


@dataclass(frozen=True, slots=True)
class Limits:
    """What holds for all jobs of a kind.

    After `max_attempts` a job is dead; an attempt whose worker vanished counts. `lease` is how long a worker may be
    silent before its job is given to another (three times in that span it says that it is alive); `deadline` is how
    long one attempt may take in all; `pool` is whose slots its jobs take.
    """

    max_attempts: int = 10
    lease: timedelta = timedelta(seconds=30)
    deadline: timedelta = timedelta(minutes=10)
    backoff: Backoff = field(default_factory=Backoff)
    pool: str = USUAL


class Given(TypedDict, total=False):
    """The limits of a kind that are not the usual ones."""

    max_attempts: int
    lease: timedelta
    deadline: timedelta
    backoff: Backoff
    pool: str
