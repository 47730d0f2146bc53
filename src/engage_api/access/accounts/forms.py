"""What browsers send: one small form, from a page of ours, and nothing else.

A form carries an HMAC of the cookie that its page was given with. Another site can make a browser send our cookies, but
reads neither them nor the page. Besides, browsers say where a request comes from (Fetch Metadata, Origin). With our
`Referrer-Policy: no-referrer` a form of our own says `Origin: null`, so that is no reason to refuse.
"""

import base64
import hashlib
import hmac
import re
import secrets
from urllib.parse import parse_qsl, unquote, urlsplit

from starlette.requests import Request

from engage_api.access.accounts import sessions
from engage_api.access.accounts.refusals import Foreign, NoForm, NotOurForm, TooLong
from engage_api.access.accounts.sessions import SESSION, VISIT

LONGEST = 65_536  # bytes of a form: twenty redirect URIs take a while
MOST_FIELDS = 100
LONGEST_PATH = 2_048  # characters of where to go next
HOME = "/account"
ENCODING = "application/x-www-form-urlencoded"
FORM = "form"  # the name of the field with the HMAC

_LOCAL = re.compile(r"/(?![/\\])[A-Za-z0-9._~!$&'()*+,;=:@%/?-]*")
_DOTS = {".", ".."}
_DEEPEST = 4  # times that a path is decoded to see what somebody else might make of it


def visit(request: Request) -> tuple[str, bool]:
    """The cookie that forms are bound to while nobody is signed in, and whether it is a new one."""
    known = sessions.given(request, VISIT)
    return (known, False) if known else (secrets.token_urlsafe(32), True)


def seal(request: Request, cookie: str) -> str:
    """What a form must bring along whose page was given with this cookie."""
    digest = hmac.digest(sessions.of(request).form_key, cookie.encode(), hashlib.sha256)
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


async def read(request: Request, *, signed_in: bool = False) -> dict[str, str]:
    """The fields of a form that comes from a page of ours; `signed_in` says which cookie it is bound to.

    Raises:
        Refusal: it does not, or it is none.
    """
    if not _from_here(request):
        raise Foreign
    fields = _fields(await _body(request))
    cookie = sessions.given(request, SESSION if signed_in else VISIT)
    sealed = fields.pop(FORM, "").encode()
    if not cookie or not hmac.compare_digest(seal(request, cookie).encode(), sealed):
        raise Foreign
    return fields


def local(path: str | None) -> str:
    """Where to go next, if it is a path of ours; else the account's own page.

    Neither `//elsewhere` nor what a careless program on the way could decode or resolve into it (`/.//elsewhere`,
    `/a/..//elsewhere`; RFC 3986 section 5.2.4), nor a backslash, which browsers read as a slash, nor anything that a
    path cannot hold.
    """
    if not path or len(path) > LONGEST_PATH or not _LOCAL.fullmatch(path):
        return HOME
    plain = path.partition("?")[0]
    for _ in range(_DEEPEST):
        plain = unquote(plain)
        if "//" in plain or "\\" in plain or not plain.isprintable() or not _DOTS.isdisjoint(plain.split("/")):
            return HOME
    return path


def _from_here(request: Request) -> bool:
    """What the browser says of where the form stood; an old one says nothing, and then the HMAC decides alone."""
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    if site is not None and site != "same-origin":
        return False
    if origin in (None, "null"):
        return True
    own = {urlsplit(sessions.of(request).base_url).netloc, request.headers.get("host", "")}
    try:
        return urlsplit(str(origin)).netloc in own - {""}
    except ValueError:  # half an IPv6 address
        return False


async def _body(request: Request) -> bytes:
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != ENCODING:
        raise NoForm
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > LONGEST:
            raise TooLong
    return body


def _fields(body: bytes) -> dict[str, str]:
    try:
        pairs = parse_qsl(body.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=MOST_FIELDS)
    except ValueError:  # bytes that are no text, or too many fields
        pairs = [("", "")] * 2
    fields = dict(pairs)
    if len(fields) != len(pairs) or any("\0" in text for text in fields.values()):
        raise NotOurForm
    return fields
