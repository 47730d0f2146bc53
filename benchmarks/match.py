"""One run: everybody starts, is checked, and is then measured in rounds of which each has an order of its own."""

import random
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

from benchmarks import datasets, deliveries, followers, lineup, slowsync, starting, wrk
from benchmarks.figures import Sample
from benchmarks.peers import lineup as peers
from benchmarks.places import RUN
from benchmarks.postgres import cluster
from benchmarks.subjects import Subject

WARM = 1  # seconds of load that nobody counts, so that statements are prepared and caches filled

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Rules:
    """How much is measured, where and of whom. `only`: names must hold one of these texts."""

    rounds: int
    seconds: float
    customers: int
    with_peers: bool
    processor: int  # of the servers
    only: Sequence[str] = ()

    def wants(self, name: str) -> bool:
        """Whether somebody of this name takes part."""
        return name in {"raw ASGI", lineup.BARE} or not self.only or any(text in name for text in self.only)


@dataclass(slots=True)
class Outcome:
    """What a run brought. `starts` are the seconds of some starts, `followed` what following the log costs, `sent` how
    many webhooks a worker sends, `versions` those of what took part.
    """

    samples: list[Sample] = field(default_factory=list)
    starts: list[float] = field(default_factory=list)
    followed: followers.Followed | None = None
    sent: deliveries.Sent | None = None
    versions: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def play(rules: Rules, tell: Tell) -> Outcome:
    """Measure everybody."""
    outcome = Outcome()
    outcome.versions["wrk"] = wrk.require()
    shutil.rmtree(RUN, ignore_errors=True)
    RUN.mkdir(parents=True)
    with _subjects(rules, outcome) as subjects:
        for subject in subjects:
            for work in [work for work, name in subject.works.items() if not rules.wants(name)]:
                del subject.works[work]
        taking_part = [subject for subject in subjects if subject.works]
        places = {name: at for at, name in enumerate(name for one in taking_part for name in one.works.values())}
        with _running(taking_part, rules.processor, tell):
            samples = _rounds(taking_part, rules, tell)
            outcome.samples = sorted(samples, key=lambda sample: (places[sample.contestant], sample.round))
    if rules.wants("start"):
        tell("start to first answer")
        made = datasets.sqlite(rules.customers)
        shutil.copy(made.place, RUN / "start.db")
        outcome.starts = starting.first_answers(made, RUN / "start.db", rules.processor)
    if rules.wants("sse") and followers.spare():
        tell("followers of the log")
        outcome.followed = followers.measure(rules.processor)
    elif rules.wants("sse"):
        outcome.notes.append(f"Following the log was left out: it needs {followers.CLIENTS:,} open files (ulimit -n).")
    if rules.wants("webhooks"):
        tell("webhooks")
        outcome.sent = deliveries.measure(rules.processor)
    for file in RUN.glob("*.db*"):
        file.unlink()
    return outcome


@contextmanager
def _subjects(rules: Rules, outcome: Outcome) -> Iterator[list[Subject]]:
    slow = slowsync.environment()
    if slow is None:
        outcome.notes.append("SQLite with 2 ms added to each sync was left out: it needs gcc and LD_PRELOAD.")
    with ExitStack() as stack:
        subjects = lineup.floors()
        subjects += lineup.on_sqlite(datasets.sqlite(rules.customers), slow)
        server = stack.enter_context(cluster())
        outcome.versions["postgresql"] = server.version()
        subjects += lineup.on_postgresql(datasets.postgresql(server, rules.customers), server)
        if rules.with_peers:
            subjects += peers.line_up(rules.customers, slow)
            outcome.versions |= peers.versions()
        yield subjects


@contextmanager
def _running(subjects: Sequence[Subject], processor: int, tell: Tell) -> Iterator[None]:
    """All at once, so that nobody has the machine's memory to itself; checked before anybody is measured."""
    tell(f"starting and checking {len(subjects)} servers")
    with ExitStack() as stack:
        for subject in subjects:
            stack.callback(subject.server.stop)
            subject.lay()
            subject.server.start(processor)
            subject.server.wait()
        for subject in subjects:
            subject.prepare()
        yield


def _rounds(subjects: Sequence[Subject], rules: Rules, tell: Tell) -> Iterator[Sample]:
    pairs = [(subject, work) for subject in subjects for work in subject.works]
    tell("warming up")
    for subject, work in pairs:
        wrk.run(subject.server.base_url, subject.scripts[work], WARM)
    for number in range(1, rules.rounds + 1):
        for subject, work in random.sample(pairs, len(pairs)):
            sample = _measure(subject, work, number, rules.seconds)
            tell(f"round {number}/{rules.rounds}: {sample.contestant} {sample.load.rate:,.0f}/s")
            yield sample


def _measure(subject: Subject, work: str, number: int, seconds: float) -> Sample:
    before = subject.server.cpu()
    load = wrk.run(subject.server.base_url, subject.scripts[work], seconds)
    used = subject.server.cpu() - before
    return Sample(subject.works[work], number, load, used / max(1, load.requests) * 1e6)
