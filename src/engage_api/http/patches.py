"""JSON Merge Patch (RFC 7396) over a resource's own fields."""

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, TypeVar

from pydantic import ValidationError

from engage_api.core.model import Input, Resource, merge_patch
from engage_api.core.problem import InvalidRequest
from engage_api.http.problems import invalid

T = TypeVar("T", bound=Input)


def patched(whole: type[T], was: Resource, patch: Input) -> T:
    """The fields of `whole` after the patch.

    The patch is applied to the fields as they stand on the wire, and the result is validated as if it had been sent
    whole, so a patch can reach nothing that a new resource could not have.

    Raises:
        InvalidRequest: the result is not valid; the pointers are those of the patch.
    """
    names = set(whole.model_fields)
    old = was.model_dump(mode="json", by_alias=True, include=names)
    new = merge_patch(old, patch.model_dump(mode="json", by_alias=True, exclude_unset=True))
    try:
        return whole.model_validate_json(json.dumps(new, ensure_ascii=False))
    except ValidationError as error:
        raise _refused(error, patch) from None


def _refused(error: ValidationError, patch: Input) -> InvalidRequest:
    """What is wrong, in the words of the patch: what is missing now was set to null."""
    given = patch.model_dump(mode="json", by_alias=True, exclude_unset=True)
    nulls = set(_nulls(given))
    return InvalidRequest(
        errors=[
            replace(fault, code="null", detail="It cannot be null.")
            if fault.code == "missing" and fault.pointer in nulls
            else fault
            for fault in invalid(error).errors
        ]
    )


def _nulls(value: Any, at: str = "") -> Iterator[str]:
    """The pointers of all nulls in it."""
    if value is None:
        yield at
    elif isinstance(value, dict):
        for name, member in value.items():
            yield from _nulls(member, f"{at}/{name}")
