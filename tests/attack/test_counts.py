"""The counts that are told at the end of a run are right."""

from tests import counts

NOTED: list[tuple[str, counts.Numbers]] = [
    ("bodies", {"requests": 400, "most_seconds": 0.25, "least_bodies": 160}),
    ("keys", {"cells": 1_234}),
    ("bodies", {"requests": 1_700, "most_seconds": 0.125, "least_bodies": 150}),
]


def test_numbers_are_added_up_and_the_extremes_kept() -> None:
    assert counts.lines(NOTED) == [
        "bodies: requests 2,100 · most seconds 0.250 · least bodies 150",
        "keys: cells 1,234",
    ]
