"""One value from the cells of a line, as a source of the mapping says."""

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, tzinfo
from operator import itemgetter
from typing import Any
from zoneinfo import ZoneInfo

from engage_api.imports.mapping import Condition
from engage_api.imports.models import Misuse, Refusal, Refused
from engage_api.imports.sources import Source

Cells = Sequence[str]
Read = Callable[[Cells], Any]
"""A value, None when there is nothing in the cells. Refused when what is there will not do."""

# What spreadsheets run: =, @, and + or - before anything but a number (CWE-1236); their full-width forms as well.
FORMULA = re.compile(r"[=@\uff1d\uff20]|[+\uff0b\uff0d-](?![\d\s().,/:-]*$)")
UNFIT = re.compile("[\0\ud800-\udfff]")  # no text; half a surrogate is how bytes are read that are not in the encoding
IN_TEXT = re.compile(r"\{([^{}]+)\}")


def columns(source: Source) -> list[str]:
    """The columns that a source reads."""
    if source.column is not None:
        return [source.column]
    return source.digest or IN_TEXT.findall(source.text or "")


def reader(source: Source, at: Mapping[str, int], zone: str | None) -> Read:
    """How to read a source from the cells of a line; `at` says where each column stands, `zone` is the mapping's."""
    if source.column is not None:
        return _column_reader(source, at, zone)
    if source.digest is not None:
        return _digest_reader([at[name] for name in source.digest])
    if source.text is not None:
        return _text_reader(source, source.text, at)
    return lambda _: source.constant


def condition(wanted: Condition | None, at: Mapping[str, int]) -> Callable[[Cells], bool]:
    """Whether a line meets a condition."""
    if wanted is None:
        return lambda _: True
    cell, among = itemgetter(at[wanted.column]), wanted.among
    if among is None:
        return lambda cells: bool(cell(cells).strip())
    return lambda cells: cell(cells).strip() in among


def places(header: Sequence[str], wanted: Sequence[str]) -> dict[str, int]:
    """Where each wanted column stands.

    Raises:
        Misuse: one is missing, or there twice.
    """
    missing = [name for name in dict.fromkeys(wanted) if name not in header]
    if missing:
        others = [mark for mark in ",;\t|" if len(header) == 1 and mark in header[0]]
        hint = f"; is it separated by {others[0]!r}? The mapping says so with `file: delimiter`" if others else ""
        there = ", ".join(header)[:500]
        raise Misuse(f"the file has no column {', '.join(map(repr, missing))}; it has: {there}{hint}")
    twice = [name for name in dict.fromkeys(wanted) if header.count(name) > 1]
    if twice:
        raise Misuse(f"the file has more than one column {', '.join(map(repr, twice))}")
    return {name: header.index(name) for name in wanted}


def _column_reader(source: Source, at: Mapping[str, int], zone: str | None) -> Read:
    name, cell, nothing = source.column or "", itemgetter(at[source.column or ""]), {"", *source.empty}
    convert = _converter(source, name, zone)

    def read(cells: Cells) -> Any:
        text = cell(cells).strip()
        return None if text in nothing else convert(text)

    return read


def _converter(source: Source, name: str, zone: str | None) -> Callable[[str], Any]:
    if source.time:
        where = source.zone or zone
        return lambda text: moment(text, source.time, ZoneInfo(where) if where else None, name)
    if source.values is not None:
        return _translator(source, source.values, name)
    if source.split is not None:
        parts = (source.split,)
        return lambda text: [_safe(part.strip(), source, name) for part in text.split(*parts) if part.strip()]
    return lambda text: _safe(text, source, name)


def _translator(source: Source, values: Mapping[str, Any], name: str) -> Callable[[str], Any]:
    others = "otherwise" in source.model_fields_set

    def translate(text: str) -> Any:
        if text in values:
            return values[text]
        if others:
            return source.otherwise
        raise Refused([Refusal("unknown-value", f"The mapping knows: {', '.join(values)[:300]}.", name)])

    return translate


def _digest_reader(at: Sequence[int]) -> Read:
    def read(cells: Cells) -> str | None:
        texts = [cells[place].strip() for place in at]
        if not any(texts):
            return None
        return hashlib.blake2b("\x1f".join(texts).encode(), digest_size=16).hexdigest()

    return read


def _text_reader(source: Source, text: str, at: Mapping[str, int]) -> Read:
    names = IN_TEXT.findall(text)

    def read(cells: Cells) -> str | None:
        found = {name: cells[at[name]].strip() for name in names}
        if names and not any(found.values()):
            return None
        filled = IN_TEXT.sub(lambda match: found[match[1]], text).strip()
        return _safe(filled, source, names[0] if names else None)

    return read


def _safe(text: str, source: Source, column: str | None) -> str:
    if not source.formulas and FORMULA.match(text):
        raise Refused([Refusal("formula", "A spreadsheet would run this as a formula.", column)])
    return text


def moment(text: str, formats: Sequence[str], zone: tzinfo | None, column: str | None) -> datetime:
    """A time in UTC. `iso` among the formats is ISO 8601; of an hour that a zone has twice, the first is meant.

    Raises:
        Refused: no format fits; it has no offset and no zone is known; the zone skips that hour.
    """
    for form in formats:
        try:
            found = datetime.fromisoformat(text) if form == "iso" else datetime.strptime(text, form)  # noqa: DTZ007  # below
            return _placed(found, zone, column)
        except (ValueError, OverflowError):
            continue
    raise Refused([Refusal("time", f"This is no time of the form {' or '.join(formats)}.", column)])


def _placed(found: datetime, zone: tzinfo | None, column: str | None) -> datetime:
    if found.tzinfo is not None:
        return found.astimezone(UTC)
    if zone is None:
        raise Refused([Refusal("offset", "The time has no offset, and the mapping names no zone.", column)])
    placed = found.replace(tzinfo=zone).astimezone(UTC)
    if placed.astimezone(zone).replace(tzinfo=None) != found:
        raise Refused([Refusal("time", "The clock skipped this hour in the zone of the mapping.", column)])
    return placed
