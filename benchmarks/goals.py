"""What is wanted, and whether the figures reach it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from benchmarks.deliveries import Sent
from benchmarks.figures import Figure, Spread, ratio
from benchmarks.followers import Followed
from benchmarks.lineup import BARE

MOST_P99 = 100.0  # ms
MOST_START = 1.5  # seconds
LEAST_SENT = 0.5  # webhooks of a worker, of those that it would post with no database
MOST_KILOBYTES, MOST_LAST = 40.0, 0.5  # of each follower of the log; seconds until the last one has an event

# Goal, who, against whom, how many times as many requests at least.
RATIOS = (
    ("P1", "GET by id, SQLite", BARE, 0.70),
    ("P2", "GET by id, PostgreSQL", BARE, 0.50),
    ("P3", "page of 50, SQLite", BARE, 0.48),
    ("P3", "page of 50, PostgreSQL", BARE, 0.36),
    ("P4", "GET by id, SQLite", "Django, GET by id", 20.0),
    ("P4", "GET by id, SQLite", "Litestar, GET by id", 12.0),
    ("P5", "page of 50, SQLite", "Django, page of 50", 25.0),
    ("P5", "page of 50, SQLite", "Litestar, page of 50", 14.0),
    ("P6", "create, SQLite", "Django, create", 5.0),
    ("P6", "create, PostgreSQL", "Django, create", 5.0),
    ("P6", "create, SQLite, 2 ms", "Django, create, 2 ms", 4.0),
    ("P6", "create, PostgreSQL, 2 ms", "Django, create, 2 ms", 4.0),
)
WRITERS = ("create, SQLite", "create, SQLite, 2 ms", "create, PostgreSQL", "create, PostgreSQL, 2 ms")


@dataclass(frozen=True, slots=True)
class Verdict:
    """A goal with what was measured; `at_least` says on which side of `wanted` it must be."""

    goal: str
    text: str
    measured: float
    wanted: float
    at_least: bool = True

    @property
    def met(self) -> bool:
        """Whether it was reached."""
        return self.measured >= self.wanted if self.at_least else self.measured <= self.wanted


def verdicts(found: Mapping[str, Figure], start: float | None) -> Iterator[Verdict]:
    """Every goal whose contestants took part; `start` is in seconds."""
    for goal, one, other, wanted in RATIOS:
        measured = ratio(found, one, other)
        if measured is not None:
            yield Verdict(goal, f"{one} : {other}", measured, wanted)
    for name in WRITERS:
        if name in found:
            yield Verdict("P7", f"{name}: failed requests", found[name].failures, 0, at_least=False)
            yield Verdict("P7", f"{name}: p99 in ms", found[name].p99.middle, MOST_P99, at_least=False)
    if start is not None:
        yield Verdict("P12", "start to first answer in seconds", start, MOST_START, at_least=False)


def of_followers(followed: Followed | None) -> Iterator[Verdict]:
    """Both halves of P9, if it was measured."""
    if followed is not None:
        crowd, last = f"{followed.clients:,} idle followers", Spread.of(followed.last).middle
        yield Verdict("P9", f"{crowd}: KB each", followed.kilobytes, MOST_KILOBYTES, at_least=False)
        yield Verdict("P9", f"{crowd}: last one served, in seconds", last, MOST_LAST, at_least=False)


def of_sent(sent: Sent | None) -> Iterator[Verdict]:
    """P11 on each database, if it was measured."""
    if sent is not None:
        floor = Spread.of(sent.floor).middle
        for name, rates in sent.ours.items():
            yield Verdict("P11", f"webhooks, {name} : with no database", Spread.of(rates).middle / floor, LEAST_SENT)
