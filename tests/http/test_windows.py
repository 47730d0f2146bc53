"""Counting in this process, held against the engine that it stands in for."""

import random
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import SlidingWindowCounterRateLimiter

from engage_api.http import windows
from engage_api.http.windows import LocalWindows, Seconds

NOW = datetime(2026, 11, 21, 20, 0, 0, 300, tzinfo=UTC)  # at the very edge of a window the engine says 0 seconds


@pytest.mark.parametrize("seed", range(20))
async def test_it_decides_and_tells_what_limits_does(seed: int) -> None:
    chance = random.Random(seed)
    item = Seconds(chance.randint(1, 9), chance.choice([1, 10, 60]), "window")
    ours, engine = LocalWindows(), SlidingWindowCounterRateLimiter(MemoryStorage())
    counted = 0
    with time_machine.travel(NOW, tick=False) as clock:
        for _ in range(300):
            clock.shift(timedelta(seconds=item.get_expiry() * chance.choice([0, 0, 0, 0.01, 0.037, 0.3, 2.5])))
            who = chance.choice(["a", "b"])
            told = ours.spend(item, who, "group")
            assert told.counted == await engine.hit(item, who, "group")
            reset, left = await engine.get_window_stats(item, who, "group")
            assert told.left == left
            assert told.seconds == pytest.approx(reset - datetime.now(UTC).timestamp(), abs=1e-3)
            counted += told.counted
    assert 0 < counted < 300


def test_keys_that_no_longer_count_make_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(windows, "MOST_KEYS", 4)
    ours, item = LocalWindows(), Seconds(1, 1, "burst")
    with time_machine.travel(NOW, tick=False) as clock:
        assert all(ours.spend(item, f"old {number}", "group").counted for number in range(4))
        clock.shift(timedelta(seconds=3))
        assert ours.spend(item, "new", "group").counted
        assert len(ours._windows) == 1


def test_of_keys_that_all_count_the_older_half_makes_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(windows, "MOST_KEYS", 4)
    ours, item = LocalWindows(), Seconds(1, 1, "burst")
    with time_machine.travel(NOW, tick=False):
        assert all(ours.spend(item, f"{number}", "group").counted for number in range(5))
        assert not ours.spend(item, "4", "group").counted
        assert not ours.spend(item, "3", "group").counted
        assert len(ours._windows) == 3
