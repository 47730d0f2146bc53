"""Figures of jobs for Prometheus: what there is to do, and what the worker of this process did."""

from collections import Counter
from collections.abc import Iterator
from typing import Literal

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from engage_api.core import clock
from engage_api.db.engine import Database
from engage_api.db.errors import Unavailable
from engage_api.jobs import operators
from engage_api.jobs.models import QUEUED

Outcome = Literal["done", "failed", "dead", "lost"]
"""`failed`: it is tried again. `lost`: its worker was silent for too long, and another has it."""


class Figures:
    """One for a process. What there is to do is the same wherever it is asked; the outcomes are its own."""

    def __init__(self, db: Database) -> None:
        self._system = db.system
        self._outcomes: Counter[tuple[str, Outcome]] = Counter()
        self._counts: list[operators.Count] = []

    def note(self, kind: str, outcome: Outcome) -> None:
        """An attempt has ended."""
        self._outcomes[kind, outcome] += 1

    async def look(self) -> None:
        """Read what there is to do; nothing of it is told while the database is away."""
        try:
            self._counts = await operators.counts(self._system)
        except Unavailable:
            self._counts = []

    def collect(self) -> Iterator[Metric]:
        """What Prometheus reads."""
        jobs = GaugeMetricFamily("engage_jobs", "Jobs that are not done, in the database.", labels=["kind", "state"])
        late = GaugeMetricFamily(
            "engage_jobs_late_seconds", "For how long the oldest queued job could have begun.", labels=["kind"]
        )
        for one in self._counts:
            jobs.add_metric([one.kind, one.state], one.jobs)
            if one.state == QUEUED:
                late.add_metric([one.kind], max((clock.host() - one.since).total_seconds(), 0.0))
        attempts = CounterMetricFamily(
            "engage_job_attempts", "Attempts at jobs that ended in this process.", labels=["kind", "outcome"]
        )
        for key, number in self._outcomes.items():
            attempts.add_metric(list(key), number)
        yield from (jobs, late, attempts)
