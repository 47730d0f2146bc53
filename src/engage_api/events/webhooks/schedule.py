"""When a delivery is tried again, when a receiver is left alone, when an endpoint is given up. Nothing but rules."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from random import Random
from typing import Literal

from engage_api.core import world
from engage_api.core.dice import DICE
from engage_api.jobs.limits import JITTER

PAUSES = tuple(
    timedelta(seconds=seconds) for seconds in (5, 30, 120, 600, 3_600, 10_800, 28_800, 43_200, 72_000, 86_400, 86_400)
)
"""After the first attempt, the second and so on, each ±20 %. Together they are 92 hours, so at least 73."""
ATTEMPTS = len(PAUSES) + 1
LONGEST_WISH = timedelta(hours=24)  # of `Retry-After`

OPENS_AFTER = 5  # failures in a row; from then on one attempt at a time
FIRST_REST, LONGEST_REST = timedelta(seconds=5), timedelta(minutes=5)
FAILS_AFTER = 10  # failures in a row, or
FAILS_IN = timedelta(hours=1)
WARNS_IN = timedelta(days=4)
DISABLES_IN = timedelta(days=5)
NOTICE = timedelta(days=1)  # between the warning and the end, at least

Turn = Literal["failing", "warned", "disabled"]


@dataclass(frozen=True, slots=True)
class Health:
    """How it stands with a receiver: failures in a row, since when, when its owners were warned, and until when it is
    left alone.
    """

    failures: int = 0
    failing_since: datetime | None = None
    warned_at: datetime | None = None
    open_until: datetime | None = None

    @property
    def probing(self) -> bool:
        """Whether one attempt at a time is enough."""
        return self.failures >= OPENS_AFTER

    def rests(self, now: datetime) -> bool:
        """Whether nothing is sent now. A rest that is longer than any is of a clock that has been set back since."""
        return self.open_until is not None and timedelta(0) < self.open_until - now <= LONGEST_REST * (1 + JITTER)

    def worse(self, now: datetime, dice: Random = DICE) -> "Health":
        """After one more failure."""
        failures = self.failures + 1
        rest = None
        if failures >= OPENS_AFTER:
            doubled = FIRST_REST * 2 ** min(failures - OPENS_AFTER, 10)
            rest = now + _about(min(doubled, LONGEST_REST), dice)
        return replace(self, failures=failures, failing_since=self.failing_since or now, open_until=rest)

    def turn(self, state: str, now: datetime) -> Turn | None:
        """What follows from it for an endpoint in this state."""
        if self.failing_since is None:
            return None
        lasted = now - self.failing_since
        if self.warned_at is not None and lasted >= DISABLES_IN and now - self.warned_at >= NOTICE:
            return "disabled"
        if self.warned_at is None and lasted >= WARNS_IN:
            return "warned"
        if state == "enabled" and (self.failures >= FAILS_AFTER or lasted >= FAILS_IN):
            return "failing"
        return None


WELL = Health()


def pause(tries: int, wish: timedelta | None, dice: Random = DICE) -> timedelta | None:
    """How long to wait after so many attempts (1 or more), never shorter than the receiver wishes; None: no more."""
    if tries >= ATTEMPTS:
        return None
    usual = _about(PAUSES[tries - 1], dice)
    return usual if wish is None else max(usual, min(wish, LONGEST_WISH))


def wish(retry_after: str | None, now: datetime) -> timedelta | None:
    """What `Retry-After` says (RFC 9110 section 10.2.3): seconds, or a date. None when it says nothing sensible."""
    if retry_after is None or len(retry_after) > 64:  # no date is longer
        return None
    if retry_after.isascii() and retry_after.isdigit():
        return timedelta(seconds=min(int(retry_after), LONGEST_WISH.total_seconds()))
    try:
        moment = parsedate_to_datetime(retry_after)
        return max(timedelta(0), (moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - now)
    except (ValueError, OverflowError, TypeError, IndexError):  # whatever a stranger writes there
        return None


def dice(workspace: str, *about: object) -> Random:
    """What pauses are drawn with. In a sandbox the same world draws the same ones."""
    standing = world.standing(workspace)
    return DICE if standing is None else Random(" ".join(map(str, (standing.seed, *about))))  # noqa: S311  # hides nothing


def _about(usual: timedelta, dice: Random) -> timedelta:
    return timedelta(milliseconds=round(usual / timedelta(milliseconds=1) * dice.uniform(1 - JITTER, 1 + JITTER)))
