"""A sandbox as a file, for whoever sends a hostile one: nothing is in it but its head and its end."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

TYPE = "application/jsonl"
START = "2026-03-02T09:00:00Z"
HEAD: dict[str, Any] = {
    "format": "engage-sandbox-1",
    "name": "Filed",
    "size": "empty",
    "seed": "attack",
    "startsAt": START,
    "startPace": 0,
    "clock": START,
    "pace": 0,
    "ids": 0,
    "baseIds": 0,
    "baseEvents": 0,
    "personas": [],
    "metadata": {},
}
END: dict[str, Any] = {"end": {"resources": 0, "events": 0}}


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def file(*lines: dict[str, Any] | bytes) -> bytes:
    """These lines, one after the other."""
    return b"".join((one if isinstance(one, bytes) else _json(one)) + b"\n" for one in lines)


WHOLE = file(HEAD, END)


def wrong(values: Mapping[str, Any]) -> Iterator[tuple[str, bytes]]:
    """Files in which one value is one of these, with what it is and where."""
    for what, value in values.items():
        for name in HEAD:
            yield f"{name}: {what}", file({**HEAD, name: value}, END)
        for name in ("resources", "events"):
            yield f"{name}: {what}", file(HEAD, {"end": {**END["end"], name: value}})
        for line in ({"kind": value, "document": {}}, {"kind": "customer", "document": value}, {"event": value}):
            yield f"{next(iter(line))}: {what}", file({**HEAD, "ids": 9}, line, {"end": {"resources": 1, "events": 0}})
