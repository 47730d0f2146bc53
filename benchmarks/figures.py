"""Samples of several rounds become figures, and figures become ratios."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from benchmarks.wrk import Load

STEADY = 1.3  # the bare route's quickest round against its slowest; beyond it the machine was busy with something else


@dataclass(frozen=True, slots=True)
class Sample:
    """One contestant in one round; `cpu` is the server's processor time for a request, in microseconds."""

    contestant: str
    round: int
    load: Load
    cpu: float


@dataclass(frozen=True, slots=True)
class Spread:
    """A median, with the least and the most that there was."""

    middle: float
    least: float
    most: float

    @classmethod
    def of(cls, values: Sequence[float]) -> "Spread":
        return cls(median(values), min(values), max(values))


@dataclass(frozen=True, slots=True)
class Figure:
    """A contestant in all rounds: requests per second, processor time in µs, 99th percentile in ms."""

    rate: Spread
    cpu: Spread
    p99: Spread
    failures: int


def figures(samples: Iterable[Sample]) -> dict[str, Figure]:
    """The figure of each contestant, in the order in which they first appear."""
    found: dict[str, list[Sample]] = {}
    for sample in samples:
        found.setdefault(sample.contestant, []).append(sample)
    return {
        name: Figure(
            rate=Spread.of([one.load.rate for one in several]),
            cpu=Spread.of([one.cpu for one in several]),
            p99=Spread.of([one.load.p99 for one in several]),
            failures=sum(one.load.failures for one in several),
        )
        for name, several in found.items()
    }


def ratio(found: Mapping[str, Figure], one: str, other: str) -> float | None:
    """How many times as many requests; None when one of them did not take part or answered nothing."""
    if one not in found or other not in found or not found[other].rate.middle:
        return None
    return found[one].rate.middle / found[other].rate.middle


def is_void(bare: Figure) -> bool:
    """Whether the machine was too unsteady for the run to say anything."""
    return bare.rate.least <= 0 or bare.rate.most / bare.rate.least > STEADY
