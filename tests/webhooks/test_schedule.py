"""When a delivery is tried again, when a receiver is left alone, when an endpoint is given up."""

from datetime import UTC, datetime, timedelta

import pytest

from engage_api.events.webhooks import schedule
from engage_api.events.webhooks.schedule import ATTEMPTS, LONGEST_REST, PAUSES, WELL, Health

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


def pauses(wish: timedelta | None = None) -> list[timedelta]:
    found = [schedule.pause(tries, wish) for tries in range(1, ATTEMPTS)]
    return [one for one in found if one is not None]


def test_it_is_tried_for_three_days_however_the_dice_fall() -> None:
    assert ATTEMPTS >= 10
    for _ in range(200):
        waits = pauses()
        assert len(waits) == ATTEMPTS - 1
        assert timedelta(hours=72) <= sum(waits, timedelta()) <= timedelta(days=5)
        assert all(0.8 * usual <= wait <= 1.2 * usual for wait, usual in zip(waits, PAUSES, strict=True))
    assert len({schedule.pause(1, None) for _ in range(20)}) > 1, "what failed together does not come back together"
    assert schedule.pause(ATTEMPTS, None) is None


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("0", 0),
        ("120", 120),
        ("99999999999", 86_400),
        ("Sun, 22 Nov 2026 13:00:00 GMT", 3_600),
        ("Sun, 22 Nov 2026 13:00:00", 3_600),
        ("Sun, 22 Nov 2026 11:00:00 GMT", 0),
        (None, None),
        ("soon", None),
        ("-5", None),
        ("١٢٠", None),
        ("9" * 65, None),
        ("Mon, 01 Jan 99999999999999999999 00:00:00 GMT", None),
        ("Mon, 01 Jan 2026 00:00:00 +99999999999", None),
        ("Mon, 31 Feb 2026 00:00:00 GMT", None),
        ("Mon, 01 Jan 0001 00:00:00 +2300", 0),
    ],
)
def test_what_a_receiver_wishes(header: str | None, seconds: int | None) -> None:
    found = schedule.wish(header, NOW)
    assert found == (None if seconds is None else timedelta(seconds=seconds))


def test_it_is_never_tried_earlier_than_the_receiver_wishes_and_a_day_is_the_most() -> None:
    assert min(pauses(timedelta(hours=5))) >= timedelta(hours=5)
    assert schedule.pause(1, timedelta(days=400)) == timedelta(days=1)
    assert min(pauses(timedelta())) >= 0.8 * PAUSES[0]


def test_a_receiver_that_fails_is_asked_ever_less_often() -> None:
    health, rests = WELL, []
    for n in range(1, 20):
        health = health.worse(NOW)
        assert health.probing is (n >= 5)
        assert health.rests(NOW) is health.probing
        rests.append((health.open_until or NOW) - NOW)
    assert health.failing_since == NOW
    assert max(rests) <= LONGEST_REST * 1.2
    assert rests[4] < timedelta(seconds=7)
    assert rests[-1] >= LONGEST_REST * 0.8


def test_a_clock_that_is_set_back_lets_nobody_rest_for_a_day() -> None:
    rests = Health(5, NOW, None, NOW + LONGEST_REST)
    assert rests.rests(NOW)
    assert not rests.rests(NOW + LONGEST_REST)
    assert not rests.rests(NOW - timedelta(days=1))


def turn(state: str, failures: int, lasted: timedelta, warned: timedelta | None = None) -> str | None:
    warned_at = None if warned is None else NOW - warned
    return Health(failures, NOW - lasted, warned_at).turn(state, NOW)


def test_what_follows_from_failures() -> None:
    soon, hour, day = timedelta(seconds=1), timedelta(hours=1), timedelta(days=1)
    assert WELL.turn("failing", NOW) is None
    assert turn("enabled", 9, soon) is None
    assert turn("enabled", 10, soon) == "failing"
    assert turn("enabled", 1, hour) == "failing"
    assert turn("failing", 50, hour) is None
    assert turn("failing", 50, 4 * day) == "warned"
    assert turn("failing", 50, 4.5 * day, 0.5 * day) is None
    assert turn("failing", 50, 5 * day, day) == "disabled"
    assert turn("failing", 50, 9 * day) == "warned", "nobody is disabled without a day's notice"
    assert turn("failing", 50, 9 * day, 0.9 * day) is None
