"""Figures of the service for Prometheus, counted with plain dictionaries and collected when asked."""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator

from prometheus_client.core import HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Upper bounds of the buckets, in seconds."""


class Meter(Collector):
    """Requests by method, route and status, with how long they took; and the figures of `others`."""

    def __init__(self) -> None:
        self.others: tuple[Callable[[], Iterable[Metric]], ...] = ()
        self._counts: dict[tuple[str, str, int], list[int]] = {}
        self._sums: dict[tuple[str, str, int], float] = {}

    def count(self, method: str, route: str, status: int, seconds: float) -> None:
        """Note one answered request."""
        key = (method, route, status)
        buckets = self._counts.get(key)
        if buckets is None:
            buckets = self._counts[key] = [0] * (len(BOUNDS) + 1)
            self._sums[key] = 0.0
        buckets[bisect_left(BOUNDS, seconds)] += 1
        self._sums[key] += seconds

    def collect(self) -> Iterator[Metric]:
        """What Prometheus reads: cumulative buckets, as its format wants them."""
        family = HistogramMetricFamily(
            "engage_request_seconds", "Requests and how long they took.", labels=["method", "route", "status"]
        )
        for (method, route, status), buckets in self._counts.items():
            total, rows = 0, []
            for bound, count in zip((*map(str, BOUNDS), "+Inf"), buckets, strict=True):
                total += count
                rows.append((bound, float(total)))
            family.add_metric([method, route, str(status)], rows, self._sums[method, route, status])
        yield family
        for other in self.others:
            yield from other()
