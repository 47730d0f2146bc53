"""Receivers that fail are asked seldom, however fast the time of a sandbox goes."""

import json

import pytest

from engage_api.events.webhooks import restraint
from engage_api.events.webhooks.restraint import IN_VAIN, NO_ANSWER, Brake, Patience


def asked(patience: Patience, attempts: int, *, taken: bool = False, late: bool = False) -> list[int]:
    """Which of so many attempts are made."""
    made = []
    for number in range(1, attempts + 1):
        if patience.refusal("end_1"):
            patience.unasked("end_1")
        else:
            patience.asked("end_1", taken=taken, late=late)
            made.append(number)
    return made


def test_who_fails_is_asked_ever_more_seldom_and_who_is_late_no_more() -> None:
    patience = Patience({})
    assert asked(patience, 100) == [1, 2, 3, 4, 5, 6, 7, 8, 16, 32, 64]
    assert patience.refusal("end_1") == IN_VAIN
    assert patience.refusal("end_2") is None
    on = Patience(json.loads(json.dumps(patience.kept)))
    assert asked(on, 100) == [28], "the 128th: another job goes on where the one before was"
    assert asked(Patience({"end_1": (0, 15)}), 10, taken=True) == list(range(1, 11)), "it is well again"
    late = Patience({})
    assert asked(late, 10, taken=True, late=True) == [1, 2, 3]
    assert late.refusal("end_1") == NO_ANSWER


def test_a_host_that_only_fails_is_asked_once_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(restraint, "monotonic", lambda: now[0])
    monkeypatch.setattr(restraint, "MOST", 2)
    brake, here = Brake(), ("org_1", "https://receiver.invalid/hook")

    def fails(number: int, organization: str = "org_1", url: str = "https://receiver.invalid/other") -> None:
        for _ in range(number):
            brake.note(organization, url, taken=False)

    fails(restraint.FREE - 1)
    assert [brake.turn(*here) for _ in range(3)] == [0.0] * 3
    fails(1)
    assert [brake.turn(*here) for _ in range(2)] == [0.0, restraint.GAP]
    assert brake.turn("org_2", here[1]) == 0.0
    assert brake.turn("org_1", "https://another.invalid/") == 0.0
    now[0] += restraint.GAP
    assert [brake.turn(*here) for _ in range(2)] == [0.0, restraint.GAP]
    brake.note(*here, taken=True)
    assert [brake.turn(*here) for _ in range(2)] == [0.0] * 2
    fails(restraint.FREE)
    fails(1, "org_2")
    fails(1, "org_3")
    assert [brake.turn(*here) for _ in range(2)] == [0.0] * 2, "of many, the one that has rested longest is forgotten"
