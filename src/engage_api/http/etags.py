"""ETags and preconditions (RFC 9110 sections 8.8 and 13).

A strong ETag is a hash of the bytes that were served, so it says nothing that the bytes do not say.
"""

import hashlib
import re
from base64 import urlsafe_b64encode
from typing import NamedTuple

from fastapi import Request, Response

from engage_api.core.problem import PreconditionRequired, StaleVersion
from engage_api.http.ready import Ready

NOT_STRONG = (
    "If-Match needs a strong ETag in quotes, as the ETag header of a plain GET gives it; "
    "one that begins with W/ comes from `expand` and names no single version."
)
_STRONG = re.compile(r'"[^"]*"')


class Preconditions(NamedTuple):
    """What a request says of what is there already: `If-Match` and `If-None-Match`, where they were sent."""

    if_match: str | None
    if_none_match: str | None

    def check(self, document: bytes | None) -> None:
        """Refuse to make or to replace what is not as the caller says. `document` is None when nothing is there.

        Raises:
            StaleVersion: another version is there, or one where none should be, or none where one should be.
        """
        if document is None:
            if self.if_match is not None:
                raise StaleVersion("There is nothing with this id yet.")
            return
        check(self.if_match, document)
        if self.if_none_match is not None and knows(self.if_none_match, strong(document)):
            raise StaleVersion("There is something with this id already.")


def header(request: Request, name: str) -> str | None:
    """A header that may stand in several lines, as the one list that they are (RFC 9110 section 5.3)."""
    lines = request.headers.getlist(name)
    return ", ".join(lines) if lines else None


def strong(document: bytes) -> str:
    """The ETag of these bytes."""
    return f'"{urlsafe_b64encode(hashlib.blake2b(document, digest_size=15).digest()).decode()}"'


def weak_tag(document: bytes) -> str:
    """The ETag of what is composed of several resources, or changes by itself: it is good for no `If-Match`."""
    return f"W/{strong(document)}"


def answer(request: Request, document: bytes, *, weak: bool = False) -> Response:
    """The document, or 304 when the caller has it already (`If-None-Match`).

    `weak`: it is composed of several resources, and its ETag is good for no `If-Match`.
    """
    tag = strong(document)
    shown = weak_tag(document) if weak else tag
    if knows(header(request, "if-none-match"), tag):
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
    if if_match is None or _names(if_match, strong(document), weakly=False):
        return
    strongly = all(_STRONG.fullmatch(one) for one in _listed(if_match))
    raise StaleVersion("The resource has changed since you read it." if strongly else NOT_STRONG)


def _listed(header: str) -> list[str]:
    return [one.strip() for one in header.split(",")]


def _names(header: str, tag: str, *, weakly: bool) -> bool:
    given = _listed(header)
    if given == ["*"]:
        return True
    return tag in ([one.removeprefix("W/") for one in given] if weakly else given)
