"""One cell at a time: times and their zones, translations, texts, digests, formulas."""

from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import TypeAdapter

from engage_api.imports.cells import condition, reader
from engage_api.imports.mapping import Condition
from engage_api.imports.models import Refused
from engage_api.imports.sources import From, Source

SOURCE: TypeAdapter[Source] = TypeAdapter(From)


def value(cell: str, usual_zone: str | None = None, /, **source: Any) -> Any:
    made = SOURCE.validate_python({"column": "a", **source})
    return reader(made, {"a": 0, "b": 1}, usual_zone)([cell, "second"])


def refused(cell: str, usual_zone: str | None = None, /, **source: Any) -> str:
    with pytest.raises(Refused) as raised:
        value(cell, usual_zone, **source)
    (refusal,) = raised.value.refusals
    assert refusal.column == "a"
    assert cell not in str(refusal)
    return refusal.code


@pytest.mark.parametrize(
    ("cell", "zone", "form", "expected"),
    [
        ("2011-10-11 13:42:22.688000+02:00", None, "iso", datetime(2011, 10, 11, 11, 42, 22, 688000, UTC)),
        ("2011-10-11T13:42:22Z", None, "iso", datetime(2011, 10, 11, 13, 42, 22, 0, UTC)),
        ("11-10-2011 13:42", "Europe/Amsterdam", "%d-%m-%Y %H:%M", datetime(2011, 10, 11, 11, 42, 0, 0, UTC)),
        ("2011-12-11 13:42", "Europe/Amsterdam", "iso", datetime(2011, 12, 11, 12, 42, 0, 0, UTC)),
        ("2011-12-11", "Asia/Kolkata", "%Y-%m-%d", datetime(2011, 12, 10, 18, 30, 0, 0, UTC)),
        ("2011-12-11 13:42 +0100", "Asia/Kolkata", "%Y-%m-%d %H:%M %z", datetime(2011, 12, 11, 12, 42, 0, 0, UTC)),
        # the hour that the clock shows twice: the first of the two
        ("2011-10-30 02:30", "Europe/Amsterdam", "iso", datetime(2011, 10, 30, 0, 30, 0, 0, UTC)),
    ],
)
def test_times(cell: str, zone: str | None, form: str, expected: datetime) -> None:
    assert value(cell, zone, time=form) == expected


@pytest.mark.parametrize(
    ("cell", "zone", "code"),
    [
        ("yesterday", "UTC", "time"),
        ("2011-02-30", "UTC", "time"),
        ("1322481600", "UTC", "time"),
        ("2011-10-11 13:42", None, "offset"),
        ("2011-03-27 02:30", "Europe/Amsterdam", "time"),  # the hour that the clock skipped
        ("0001-01-01T00:00:00+14:00", "UTC", "time"),
        ("9999-12-31T23:59:59-14:00", "UTC", "time"),
        ("9999-12-31 23:59:59", "America/Anchorage", "time"),
    ],
)
def test_no_times(cell: str, zone: str | None, code: str) -> None:
    assert refused(cell, zone, time="iso") == code


def test_a_zone_of_its_own_and_several_formats() -> None:
    forms = {"time": ["%d/%m/%Y", "iso"], "zone": "America/New_York"}
    assert value("11/10/2011", "Europe/Amsterdam", **forms) == datetime(2011, 10, 11, 4, tzinfo=UTC)
    assert value("2011-10-11T00:00:00Z", None, **forms) == datetime(2011, 10, 11, tzinfo=UTC)


@pytest.mark.parametrize(
    "cell",
    ["=1+1", " =1+1", "@SUM(A1)", "+cmd|' /C calc'!A0", "-2+3+cmd", "\t=1", "\uff1d1+1", "-A1", "+a"],
)
def test_formulas_are_refused(cell: str) -> None:
    assert refused(cell) == "formula"
    assert value(cell, formulas=True) == cell.strip()
    assert refused(f"x;{cell}", split=";") == "formula"


@pytest.mark.parametrize("cell", ["+31 (0)20 123 45 67", "-12.50", "-", "1=1", "a@b.example", "+"])
def test_what_only_looks_like_one_is_not(cell: str) -> None:
    assert value(cell) == cell


def test_nothing() -> None:
    assert value("") is value("  ") is value("EMPTY", empty=["EMPTY", "-"]) is value("-", empty=["-"]) is None
    assert value("", values={"a": "b"}, otherwise="c") is None
    assert value("", split=";") is None
    assert value("", time="iso") is None


def test_translations() -> None:
    values = {"Internet": "web", "yes": True, "none": None}
    assert [value(cell, values=values) for cell in ("Internet", " yes", "none")] == ["web", True, None]
    assert refused("Pigeon", values=values) == "unknown-value"
    assert value("Pigeon", values=values, otherwise="desk") == "desk"
    assert value("Pigeon", values=values, otherwise=None) is None
    assert value("a; b;;c ", split=";") == ["a", "b", "c"]


def test_texts_and_digests() -> None:
    at = {"a": 0, "b": 1}
    text = reader(Source(text="Case {a} of {b}"), at, None)
    assert text(["1", "x"]) == "Case 1 of x"
    assert text(["{b}", ""]) == "Case {b} of"
    assert text(["", " "]) is None
    assert reader(Source(text="{a}"), at, None)(["1", ""]) == "1"
    with pytest.raises(Refused):
        reader(Source(text="{a}{b}"), at, None)(["=", "1"])
    digest = reader(Source(digest=["a", "b"]), at, None)
    assert digest(["", ""]) is None
    assert len({digest(cells) for cells in (["1", "2"], ["12", ""], ["", "12"], ["2", "1"])}) == 4
    assert digest(["1", "2"]) == digest([" 1", "2 "])
    assert reader(Source(constant=True), at, None)(["", ""]) is True


def test_conditions() -> None:
    at = {"a": 0}
    among = condition(Condition(column="a", among=["x", "y"]), at)
    assert [condition(None, at)([cell]) for cell in ("", "x")] == [True, True]
    assert [condition(Condition(column="a"), at)([cell]) for cell in (" ", "x")] == [False, True]
    assert [among([cell]) for cell in ("", " y ", "z")] == [
        False,
        True,
        False,
    ]
