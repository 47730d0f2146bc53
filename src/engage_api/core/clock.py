"""The only place that reads the time."""

from datetime import UTC, datetime
from functools import lru_cache
from time import time

DAY = 86_400  # seconds


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


def business(workspace: str) -> datetime:  # noqa: ARG001  # callers say whose time they mean
    """The time in a workspace: what its documents, events and deadlines say. Every workspace follows the host."""
    return host()


def wire(moment: datetime) -> str:
    """`2026-11-21T20:00:00.000Z`: UTC with milliseconds (NL ADR /core/date-time).

    A moment without an offset is refused, because nobody knows which it is.
    """
    if moment.tzinfo is None:
        raise ValueError("a moment needs its offset")
    moment = moment if moment.tzinfo is UTC else moment.astimezone(UTC)
    return moment.isoformat(timespec="milliseconds")[:-6] + "Z"
