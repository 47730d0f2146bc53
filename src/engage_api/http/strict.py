"""Strict JSON: one meaning or none (RFC 8259, I-JSON RFC 7493)."""

import json
import re
from typing import Any, NoReturn

from pydantic import ValidationError, ValidatorFunctionWrapHandler, WrapValidator

from engage_api.core.model import Input
from engage_api.core.problem import InvalidJson, InvalidRequest, UnsupportedMediaType

DEEPEST = 32
LARGEST = 2**53
MOST_FAULTS = 1_000
_SUSPICIOUS = re.compile(rb"\\u(0000|[dD][89a-fA-F])")
# The closing quote is optional, so that a string without an end is one step, too: else each of its quotes is a new try.
_PARTS = re.compile(r'"(?:[^"\\]|\\.)*"?|[\[\]{}]', re.DOTALL)


class RawJson(bytes):
    """A JSON body as it came, not yet read: the guard goes first."""


def json_body(model: type[Input]) -> WrapValidator:
    """The mark of a strict JSON body, in the annotation of a handler's parameter, beside the model itself."""

    def read(value: Any, _: ValidatorFunctionWrapHandler) -> Input:
        if isinstance(value, RawJson):
            check(value)
            return _validated(model, value)
        raise UnsupportedMediaType

    return WrapValidator(read)


def _validated(model: type[Input], raw: bytes) -> Input:
    """All that is wrong at once, unless that is more than anybody reads: a small body must not make a huge answer."""
    try:
        return model.model_validate_json(raw)
    except ValidationError as error:
        if error.error_count() > MOST_FAULTS:
            raise InvalidRequest(f"More than {MOST_FAULTS} places in the body are wrong.") from None
        raise


def check(raw: bytes) -> Any:
    """Read JSON and refuse what parsers disagree about.

    Raises:
        InvalidJson: not JSON; a duplicate name, NaN, Infinity, U+0000, a lone surrogate; deeper than 32; an integer
            beyond ±2^53.
    """
    try:
        text = raw.decode()
        _refuse_depth(text)
        value = _DECODER.decode(text)
    except UnicodeDecodeError:
        raise InvalidJson("The body is not UTF-8.") from None
    except json.JSONDecodeError as error:
        raise InvalidJson(f"The body is not JSON: {error.msg} at line {error.lineno}, column {error.colno}.") from None
    if _SUSPICIOUS.search(raw):
        _refuse_characters(value)
    return value


def _refuse_depth(text: str) -> None:
    if text.count("[") + text.count("{") <= DEEPEST:
        return
    depth = 0
    for part in _PARTS.finditer(text):
        mark = part[0][0]
        depth += 1 if mark in "[{" else -1 if mark in "]}" else 0
        if depth > DEEPEST:
            raise InvalidJson(f"The body is nested deeper than {DEEPEST}.")


def _refuse_characters(value: Any) -> None:
    if isinstance(value, str):
        if "\0" in value or any("\ud800" <= c <= "\udfff" for c in value):
            raise InvalidJson("A string holds U+0000 or half of a surrogate pair.")
    elif isinstance(value, dict):
        for name, item in value.items():
            _refuse_characters(name)
            _refuse_characters(item)
    elif isinstance(value, list):
        for item in value:
            _refuse_characters(item)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise InvalidJson("An object has two members with the same name.")
    return found


def _integer(digits: str) -> int:
    if len(digits) > 17 or abs(int(digits)) > LARGEST:
        raise InvalidJson("An integer is beyond ±2^53.")
    return int(digits)


def _number(digits: str) -> float:
    number = float(digits)
    if number in (float("inf"), float("-inf")):
        raise InvalidJson("A number is too large.")
    return number


def _constant(_: str) -> NoReturn:
    raise InvalidJson("NaN and Infinity are not JSON.")


_DECODER = json.JSONDecoder(
    object_pairs_hook=_object, parse_int=_integer, parse_float=_number, parse_constant=_constant
)
