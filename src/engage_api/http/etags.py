"""ETags and preconditions (RFC 9110 sections 8.8 and 13).

A strong ETag is a hash of the bytes that were served, so it says nothing that the bytes do not say.
"""

import hashlib
from base64 import urlsafe_b64encode
from typing import Annotated

from fastapi import Header, Request, Response

from engage_api.core.problem import PreconditionRequired, StaleVersion
from engage_api.http.ready import Ready

IfMatch = Annotated[
    str | None,
    Header(alias="If-Match", max_length=1_000, description="The `ETag` of the version that your change is based on."),
]


def strong(document: bytes) -> str:
    """The ETag of these bytes."""
    return f'"{urlsafe_b64encode(hashlib.blake2b(document, digest_size=15).digest()).decode()}"'


def answer(request: Request, document: bytes, *, weak: bool = False) -> Response:
    """The document, or 304 when the caller has it already (`If-None-Match`).

    `weak`: it is composed of several resources, and its ETag is good for no `If-Match`.
    """
    tag = strong(document)
    shown = f"W/{tag}" if weak else tag
    if knows(request.headers.get("if-none-match"), tag):
        return Response(status_code=304, headers={"ETag": shown})
    return Ready(document, (b"etag", shown.encode()))


def knows(if_none_match: str | None, tag: str) -> bool:
    """Whether the caller has what this tag names."""
    return if_none_match is not None and _names(if_none_match, tag, weakly=True)


def require(if_match: str | None, document: bytes) -> None:
    """Refuse a change that is not based on this version.

    Raises:
        PreconditionRequired: there is no `If-Match`.
        StaleVersion: it names another version. Weak tags never match; `*` does.
    """
    if if_match is None:
        raise PreconditionRequired
    check(if_match, document)


def check(if_match: str | None, document: bytes) -> None:
    """As `require`, where the header is optional."""
    if if_match is not None and not _names(if_match, strong(document), weakly=False):
        raise StaleVersion


def _names(header: str, tag: str, *, weakly: bool) -> bool:
    given = [one.strip() for one in header.split(",")]
    if given == ["*"]:
        return True
    return tag in ([one.removeprefix("W/") for one in given] if weakly else given)
