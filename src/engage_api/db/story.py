"""Stories: how a sandbox gets a past. Each slice tells its part as steps in the order of time (`<slice>/seed.py`), and
`sandbox/seeding.py` plays them all, the world moved along.
"""

from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from heapq import heappop, heappush
from random import Random
from typing import NamedTuple

from engage_api.core.principal import Principal
from engage_api.db.engine import Transaction

OPEN, SHUT = time(8), time(17)  # of the office, on working days, in UTC
UP, ABED = time(7), time(22)  # when people turn to it
SATURDAY = 5

Do = Callable[[Transaction, Principal], Awaitable[None]]


class Step(NamedTuple):
    """Something that happens at a moment. `makes` counts the customers and cases that there are more after it."""

    at: datetime
    do: Do
    makes: int = 0


@dataclass(frozen=True, slots=True)
class Setting:
    """The world that a story is told of: how large it is, and from when to when the story goes.

    `known` has the ids of what the story speaks of again, by the name that whoever makes it gives it (`customer:1`).
    """

    seed: str
    begins: datetime
    ends: datetime
    customers: int
    cases: int
    known: dict[str, str] = field(default_factory=dict)

    def chance(self, what: str) -> Random:
        """Chance as this seed has it, for one thing alone: what another slice draws changes nothing of it."""
        return Random(f"{self.seed}:{what}")  # noqa: S311  # a story, and no secret

    def ago(self, days: float) -> datetime:
        """The moment so many days before the story ends."""
        return self.ends - timedelta(days=days)

    def deadline(self, days: float) -> datetime:
        """The end of the working day that comes so many days after the end of the story, or (less than 0) before it.
        What time does in a story it does then.
        """
        day = self.ends + timedelta(days=days)
        day += timedelta(days=max(0, 7 - day.weekday()) if day.weekday() >= SATURDAY else 0)
        return datetime.combine(day, SHUT, day.tzinfo)


Part = Callable[[Setting], Iterator[Step]]
"""What a slice tells."""


def in_office(moment: datetime, after: datetime) -> datetime:
    """The last moment up to this one at which the office was open; itself, if that was not later than `after`."""
    at = _within(moment, OPEN, SHUT)
    at -= timedelta(days=max(0, at.weekday() - SATURDAY + 1))
    return at if at > after else moment


def by_day(moment: datetime, after: datetime) -> datetime:
    """The last moment up to this one at which people were up; itself, if that was not later than `after`."""
    at = _within(moment, UP, ABED)
    return at if at > after else moment


def _within(moment: datetime, first: time, last: time) -> datetime:
    """The same moment, or one of the hours between on that day or, early in the morning, on the day before. The minutes
    stay as they are, so that not everything falls on one moment.
    """
    if moment.hour < first.hour:
        return moment.replace(hour=last.hour - 1) - timedelta(days=1)
    return moment if moment.hour < last.hour else moment.replace(hour=last.hour - 1)


def woven(threads: Iterable[Iterator[Step]]) -> Iterator[Step]:
    """The steps of many threads in the order of time. Each has one step at least, and the threads come in the order of
    their first ones: only those that are under way are kept in mind.
    """
    waiting: list[tuple[datetime, int, Step, Iterator[Step]]] = []
    for number, thread in enumerate(threads):
        first = next(thread)
        while waiting and waiting[0][0] <= first.at:
            yield _go_on(waiting)
        heappush(waiting, (first.at, number, first, thread))
    while waiting:
        yield _go_on(waiting)


def _go_on(waiting: list[tuple[datetime, int, Step, Iterator[Step]]]) -> Step:
    _, number, step, thread = heappop(waiting)
    following = next(thread, None)
    if following is not None:
        heappush(waiting, (following.at, number, following, thread))
    return step
