"""The only place that reads the time."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from time import time

from engage_api.core import world

DAY = 86_400  # seconds
FROZEN = 0  # the pace of a clock that stands still
_clocks: dict[str, "Clock"] = {}
"""What this process knows of sandboxes' clocks."""


def host() -> datetime:
    """The host's time in UTC, to the millisecond, which is what the wire shows.

    For limits, leases, network deadlines and whatever else belongs to the machine.
    """
    now = datetime.now(UTC)
    return now.replace(microsecond=now.microsecond // 1000 * 1000)


def seconds() -> float:
    """The host's time in seconds since 1970, for counting within windows."""
    return time()


def day() -> str:
    """The host's day in UTC, `2026-11-21`."""
    return _day(int(time() // DAY))


@lru_cache(maxsize=4)
def _day(number: int) -> str:
    return datetime.fromtimestamp(number * DAY, UTC).date().isoformat()


@dataclass(frozen=True, slots=True)
class Clock:
    """A sandbox's clock: when the host's said `since`, it said `at`.

    From then on `pace` of its seconds pass in one of the host's; none while it is frozen.
    """

    at: datetime
    since: datetime
    pace: int = 1

    def now(self) -> datetime:
        """What it says, to the millisecond. It never goes back, whatever the host's does."""
        passed = (host() - self.since) * self.pace
        return self.at + passed if passed > timedelta() else self.at

    def told_from(self, moment: datetime) -> "Clock":
        """The same clock, told from this moment on: where the host's time is behind it says nothing earlier."""
        return Clock(moment, self.host_at(moment) or self.since, self.pace)

    def host_at(self, moment: datetime) -> datetime | None:
        """When the host's clock says that this one has come to a moment; None for never, while it is frozen."""
        if moment <= self.at:
            return self.since
        return None if self.pace == FROZEN else self.since + (moment - self.at) / self.pace


def business(workspace: str) -> datetime:
    """The time in a workspace: what its documents, events and deadlines say.

    The live workspace follows the host. A sandbox has a clock of its own; a write in it stands at one moment from
    beginning to end, unless it moves on (`core/world`).
    """
    standing = world.standing(workspace)
    if standing is not None:
        return standing.moment
    clock = _clocks.get(workspace)
    return host() if clock is None else clock.now()


def host_of(workspace: str, moment: datetime) -> datetime | None:
    """When the host's clock says that a moment has come in a workspace; None for never, while its clock is frozen."""
    clock = _clocks.get(workspace)
    return moment if clock is None else clock.host_at(moment)


def of(workspace: str) -> Clock | None:
    """What this process knows of a workspace's clock; None: it follows the host."""
    return _clocks.get(workspace)


def is_frozen(workspace: str) -> bool:
    """Whether a workspace's clock stands still: then its time passes only where somebody moves it."""
    clock = _clocks.get(workspace)
    return clock is not None and clock.pace == FROZEN


def follow(workspace: str, clock: Clock | None) -> None:
    """Take note of what a sandbox's clock is now; None: it has none, or is gone."""
    if clock is None:
        _clocks.pop(workspace, None)
    else:
        _clocks[workspace] = clock


def wire(moment: datetime) -> str:
    """`2026-11-21T20:00:00.000Z`: UTC with milliseconds (NL ADR /core/date-time).

    A moment without an offset is refused, because nobody knows which it is.
    """
    if moment.tzinfo is None:
        raise ValueError("a moment needs its offset")
    moment = moment if moment.tzinfo is UTC else moment.astimezone(UTC)
    return moment.isoformat(timespec="milliseconds")[:-6] + "Z"
