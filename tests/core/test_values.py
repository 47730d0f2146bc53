"""Values that stand alone: times, ids, problems and secrets."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest

from engage_api.core import clock, ids, secret
from engage_api.core.principal import NOBODY, Plan, Principal
from engage_api.core.problem import Problem
from engage_api.core.scopes import EVERYTHING


def test_a_time_goes_out_in_utc_with_milliseconds() -> None:
    moment = datetime(2026, 11, 21, 20, 0, 0, 123_999, tzinfo=UTC)
    assert clock.wire(moment) == "2026-11-21T20:00:00.123Z"
    assert clock.wire(moment.astimezone(timezone(timedelta(hours=-5)))) == "2026-11-21T20:00:00.123Z"


def test_a_time_without_an_offset_is_nobodys() -> None:
    with pytest.raises(ValueError, match="offset"):
        clock.wire(datetime(2026, 11, 21))  # noqa: DTZ001  # which is what is tried


def test_ids_sort_as_they_were_made() -> None:
    made = [ids.new("cus") for _ in range(1_000)]
    assert sorted(set(made)) == made
    assert {len(one) for one in made} == {len("cus_") + 26}


def test_an_actor_is_what_it_is_and_its_id() -> None:
    """The nearest to whoever acted: a customer before the person, a person before the application."""
    plan = Plan("developer", 600, 60, 20)
    program = Principal("key_1", "app_1", "org_1", "live", live=True, scopes=EVERYTHING, plan=plan, sees_workspace=True)
    person = replace(program, person="acc_1")
    customer = replace(person, customer="cus_1", sees_workspace=False)
    nobody = replace(program, credential=NOBODY)
    actors = [who.actor for who in (program, person, customer, nobody)]
    assert actors == ["application:app_1", "person:acc_1", "customer:cus_1", "anonymous"]


def test_two_problems_have_no_code_in_common() -> None:
    with pytest.raises(TypeError, match="two problems"):
        type("Another", (Problem,), {"code": "not-found", "status": 404, "title": "Another"})


def test_what_follows_a_secret_is_the_same_whenever_it_is_asked_for() -> None:
    made = secret.make("live", "refresh").reveal()
    after = secret.follow(b"key", made).reveal()
    assert after == secret.follow(b"key", made).reveal() != made
    assert (secret.kind(after), after[:17]) == ("refresh", "eng_live_refresh_")
    assert after != secret.follow(b"other", made).reveal()
    with pytest.raises(ValueError, match="no secret"):
        secret.follow(b"key", "x")


def test_a_secret_is_not_printed_by_chance() -> None:
    made = secret.make("test", "key")
    assert f"{made} {made!r} {[made]}" == "*** *** [***]"
    assert secret.kind(made.reveal()) == "key"
    assert made.hint == f"eng_test_key_…{made.reveal()[-4:]}"
