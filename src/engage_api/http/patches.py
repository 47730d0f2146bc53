"""JSON Merge Patch (RFC 7396) over a resource's own fields."""

import json
from typing import TypeVar

from pydantic import ValidationError

from engage_api.core.model import Input, Resource, merge_patch
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
        raise invalid(error) from None
