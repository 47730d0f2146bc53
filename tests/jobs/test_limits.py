"""The delays between attempts."""

from datetime import timedelta

import pytest

from engage_api.jobs.limits import Backoff


@pytest.mark.parametrize(
    ("attempts", "seconds"), [(1, 2), (2, 4), (3, 8), (11, 2048), (12, 3600), (13, 3600), (32_000, 3600)]
)
def test_delays_grow_to_the_longest_with_jitter_on_either_side(attempts: int, seconds: float) -> None:
    delays = [Backoff().delay(attempts).total_seconds() / seconds for _ in range(2000)]
    assert 0.8 <= min(delays) < 0.82
    assert 1.18 < max(delays) <= 1.2
    assert abs(sum(delays) / len(delays) - 1) < 0.02


def test_ten_attempts_may_be_spread_over_three_days() -> None:
    slow = Backoff(timedelta(seconds=30), factor=4, longest=timedelta(hours=30))
    spans = [sum((slow.delay(attempt) for attempt in range(1, 10)), timedelta()) for _ in range(200)]
    assert min(spans) > timedelta(hours=72)
