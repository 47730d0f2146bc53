"""What clients send to `/oauth/*`: a form, read strictly, and in it or beside it who they are (RFC 6749 sections 2.3
and 3.2).
"""

import base64
import binascii
import re
from collections.abc import Iterable
from typing import Any, NamedTuple
from urllib.parse import unquote_to_bytes

from authlib.oauth2 import OAuth2Error, OAuth2Request
from authlib.oauth2.rfc6749.requests import BasicOAuth2Payload
from starlette.requests import Request

from engage_api.core.secret import Secret
from engage_api.http.middleware import counted_as

LARGEST = 16_384  # bytes of a body
MOST_PARAMETERS = 50
FORM = b"application/x-www-form-urlencoded"
BASIC, POST, NONE = "client_secret_basic", "client_secret_post", "none"
METHODS = (BASIC, POST)
WITH_NONE = (BASIC, POST, NONE)
"""By what a client may show who it is: with `NONE` also one that has no secret."""
_IN_BODY = frozenset({"client_secret", "client_assertion", "client_assertion_type"})
_BROKEN = re.compile(r"%(?![0-9A-Fa-f]{2})")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_TRANSPORT = "https://localhost/oauth"  # Authlib asks whether it is secure; ours is the affair of who stands in front


class Refused(OAuth2Error):  # type: ignore[misc]  # Authlib has no types
    """A refusal in words of ours: ASCII without quotes, and nothing in it that the client sent."""

    def __init__(self, error: str, description: str, status: int = 400) -> None:
        super().__init__(description, error=error, status_code=status)


class Shown(NamedTuple):
    """What a client shows to prove who it is, and by which method."""

    method: str
    client_id: str
    secret: Secret


class Asked(OAuth2Request):  # type: ignore[misc]  # Authlib has no types
    """A request as Authlib takes it. `shown` is None when the client has shown nothing that could be looked at.

    `address` is whom the limits count: where it comes from.
    """

    def __init__(self, form: dict[str, str], shown: Shown | None = None, address: str = "") -> None:
        super().__init__("POST", _TRANSPORT)
        self.payload = BasicOAuth2Payload(form)
        self.shown = shown
        self.address = address

    @property
    def form(self) -> dict[str, str]:
        """The parameters; each is there once and has a value."""
        given: dict[str, str] = self.payload.data
        return given


async def read(request: Request) -> Asked:
    """The form that a request brings.

    Raises:
        Refused: `invalid_request` for whatever is no clean form, has a parameter twice or shows two credentials;
            `invalid_target` for more than one resource.
    """
    if request.scope["query_string"]:
        raise Refused("invalid_request", "Parameters belong in the body: an address ends up in logs.")
    headers, body = request.scope["headers"], await _body(request)
    if not body:
        raise Refused("invalid_request", "The body is empty: send the parameters in it, as a form.")
    _refuse_other(headers)
    form = fields(pairs(body))
    shown = credentials([value for name, value in headers if name == b"authorization"], form)
    return Asked(form, shown, counted_as(request.scope))


def pairs(raw: bytes) -> list[tuple[str, str]]:
    """The names and values of a form, or of the query of an address, as they stand there."""
    try:
        pieces = [piece.partition("=") for piece in raw.decode("ascii").split("&") if piece]
        plain = [(decoded(name), decoded(value)) for name, _, value in pieces]
    except ValueError:
        raise Refused("invalid_request", "The body is not a form of printable UTF-8 text.") from None
    if len(plain) > MOST_PARAMETERS:
        raise Refused("invalid_request", "There are too many parameters.")
    return plain


def fields(plain: list[tuple[str, str]]) -> dict[str, str]:
    """The parameters among these. One without a value counts as left out (RFC 6749 section 3.1 and 3.2)."""
    names = [name for name, _ in plain]
    if twice := {name for name in names if names.count(name) > 1}:
        if twice == {"resource"}:
            raise Refused("invalid_target", "A token is for one resource: name one.")
        raise Refused("invalid_request", "A parameter is there twice.")
    return {name: value for name, value in plain if value}


def credentials(authorization: list[bytes], form: dict[str, str]) -> Shown | None:
    """What the client shows, in the header or in the body.

    Raises:
        Refused: it shows two things (section 2.3), or they name two clients.
    """
    if len(authorization) > 1 or (authorization and form.keys() & _IN_BODY):
        raise Refused("invalid_request", "Show one credential, and show it once.")
    client_id, secret = form.get("client_id"), form.get("client_secret")
    if not authorization:
        return Shown(POST if secret else NONE, client_id, Secret(secret or "")) if client_id else None
    shown = _basic(authorization[0])
    if shown is not None and client_id not in (None, shown.client_id):
        raise Refused("invalid_request", "The header and the body name two clients.")
    return shown


def decoded(text: str) -> str:
    """A name or a value as it was before it was written into a form.

    Raises:
        ValueError: half an escape, no UTF-8, or a control character (appendix A and B).
    """
    if _BROKEN.search(text):
        raise ValueError("half an escape")
    plain = unquote_to_bytes(text.replace("+", " ")).decode()
    if _CONTROL.search(plain):
        raise ValueError("a control character")
    return plain


def _basic(value: bytes) -> Shown | None:
    """HTTP Basic as OAuth has it: both halves are written as in a form (section 2.3.1)."""
    if value[:6].lower() != b"basic ":
        return None
    try:
        text = base64.b64decode(value[6:].strip(b" "), validate=True).decode("ascii")
        client_id, _, secret = text.partition(":")
        shown = Shown(BASIC, decoded(client_id), Secret(decoded(secret)))
    except (binascii.Error, ValueError):
        return None
    return shown if shown.client_id and secret else None


def _refuse_other(headers: Iterable[tuple[bytes, bytes]]) -> None:
    kinds = [value for name, value in headers if name == b"content-type"]
    kind, _, more = (kinds[0] if len(kinds) == 1 else b"").lower().partition(b";")
    utf8 = more.strip(b" ").replace(b'"', b"") in (b"", b"charset=utf-8")
    encoded = any(name == b"content-encoding" and value.lower() != b"identity" for name, value in headers)
    if kind.strip(b" ") != FORM or not utf8 or encoded:
        raise Refused("invalid_request", "The body must be application/x-www-form-urlencoded in UTF-8.")


async def _body(request: Any) -> bytes:
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > LARGEST:
            raise Refused("invalid_request", "The body is too large.", 413)
        parts.append(part)
    return b"".join(parts)
