"""JSON with one form only, as RFC 8785 says it: members sorted, nothing between them, the shortest numbers."""

import json
from decimal import Decimal
from typing import Any

_string = json.JSONEncoder(ensure_ascii=False).encode
SMALLEST, LARGEST = 1e-6, 1e21  # below, and from here on, ECMAScript writes numbers with an exponent


def text(value: Any) -> str:
    """The canonical form of what was read from JSON (objects, arrays, strings, numbers, true, false, null)."""
    if isinstance(value, dict):
        members = sorted(value.items(), key=lambda member: member[0].encode("utf-16-be"))  # section 3.2.3
        return "{" + ",".join([f"{_string(name)}:{text(one)}" for name, one in members]) + "}"
    if isinstance(value, list):
        return "[" + ",".join([text(one) for one in value]) + "]"
    if isinstance(value, str):
        return _string(value)
    if isinstance(value, float):
        return _number(value)
    return json.dumps(value)


def _number(value: float) -> str:
    """As ECMAScript writes it (section 3.2.2.3): 1 and not 1.0, 1e-7 and not 1e-07."""
    if value == 0:
        return "0"
    if SMALLEST <= abs(value) < LARGEST:
        return format(Decimal(repr(value)), "f").removesuffix(".0")
    digits, _, power = repr(value).partition("e")
    return f"{digits}e{int(power):+d}"
