"""What the benchmark makes of its samples: medians, ratios, and when a run says nothing."""

import pytest

from benchmarks import figures, goals
from benchmarks.deliveries import Sent
from benchmarks.figures import Figure, Sample, Spread
from benchmarks.followers import Followed
from benchmarks.lineup import BARE
from benchmarks.wrk import Load


def load(rate: float, *, failures: int = 0) -> Load:
    return Load(requests=int(rate * 2), seconds=2.0, p50=1.0, p99=rate / 100, longest=9.0, failures=failures)


def figure(*rates: float) -> Figure:
    return figures.figures([Sample("one", at, load(rate), 1e6 / rate) for at, rate in enumerate(rates)])["one"]


def test_figures_are_medians_with_their_spread_in_the_order_of_appearance() -> None:
    samples = [
        Sample("b", 1, load(300), 10.0),
        Sample("a", 1, load(100, failures=1), 30.0),
        Sample("b", 2, load(100), 20.0),
        Sample("a", 2, load(100, failures=2), 30.0),
        Sample("b", 3, load(200), 60.0),
    ]
    found = figures.figures(samples)
    assert list(found) == ["b", "a"]
    assert found["b"].rate == Spread(200, 100, 300)
    assert found["b"].cpu == Spread(20.0, 10.0, 60.0)
    assert found["b"].p99 == Spread(2.0, 1.0, 3.0)
    assert (found["b"].failures, found["a"].failures) == (0, 3)


def test_a_ratio_compares_medians() -> None:
    found = {"one": figure(90, 100, 400), "other": figure(40, 50, 60)}
    assert figures.ratio(found, "one", "other") == pytest.approx(2.0)


def test_a_ratio_to_somebody_who_is_not_there_or_answered_nothing_is_none() -> None:
    found = {"one": figure(100), "dead": Figure(Spread(0, 0, 0), Spread(0, 0, 0), Spread(0, 0, 0), 0)}
    assert figures.ratio(found, "one", "absent") is None
    assert figures.ratio(found, "absent", "one") is None
    assert figures.ratio(found, "one", "dead") is None


@pytest.mark.parametrize(
    ("rates", "void"), [((100, 130), False), ((100, 131), True), ((131, 120, 100), True), ((100,), False)]
)
def test_a_run_is_void_when_the_bare_route_was_unsteady(rates: tuple[float, ...], void: bool) -> None:
    assert figures.is_void(figure(*rates)) is void


def test_a_bare_route_that_once_answered_nothing_is_void() -> None:
    nothing = Spread(0, 0, 0)
    assert figures.is_void(Figure(Spread(1, 0, 1), nothing, nothing, 0))


def test_goals_are_judged_only_for_those_who_took_part() -> None:
    found = {BARE: figure(1000), "GET by id, SQLite": figure(700), "page of 50, SQLite": figure(300)}
    verdicts = {(one.goal, one.text): one.met for one in goals.verdicts(found, 1.6)}
    assert verdicts == {
        ("P1", f"GET by id, SQLite : {BARE}"): True,
        ("P3", f"page of 50, SQLite : {BARE}"): False,
        ("P12", "start to first answer in seconds"): False,
    }


def test_followers_are_judged_by_what_each_costs_and_by_when_the_last_is_served() -> None:
    assert list(goals.of_followers(None)) == []
    found = goals.of_followers(Followed(5_000, 18.2, [0.2, 0.6, 0.7]))
    assert [(one.goal, one.measured, one.met) for one in found] == [("P9", 18.2, True), ("P9", 0.6, False)]


def test_what_a_worker_sends_is_judged_against_the_same_worker_with_no_database() -> None:
    assert list(goals.of_sent(None)) == []
    found = goals.of_sent(Sent([90, 100, 110], {"SQLite": [60, 80, 70], "PostgreSQL": [40, 20, 60]}))
    assert [(one.goal, one.measured, one.met) for one in found] == [("P11", 0.7, True), ("P11", 0.4, False)]


def test_writers_are_judged_by_failures_and_by_their_slowest_percent() -> None:
    slow = figures.figures([Sample("create, SQLite", 1, load(20_000, failures=1), 1.0)])
    assert [(one.goal, one.measured, one.met) for one in goals.verdicts(slow, None)] == [
        ("P7", 1, False),
        ("P7", 200.0, False),
    ]
