"""Where somebody goes on to once they are signed in, and what the pages say of it."""

from urllib.parse import quote

from starlette.requests import Request

from engage_api.access.accounts.forms import HOME
from engage_api.access.accounts.refusals import Refusal
from engage_api.access.oauth import wishes
from engage_api.access.oauth.device import PAGE
from engage_api.access.oauth.metadata import AUTHORIZE
from engage_api.access.oauth.wishes import Back

INVITATIONS = "/account/invitations/"


def query(path: str, begin: str = "?") -> str:
    """What takes this path along in the address of another page; nothing for the page where everybody goes."""
    return "" if path == HOME else f"{begin}next={quote(path)}"


async def purpose(request: Request, path: str) -> str:
    """What somebody signs in for, in words; nothing where nobody has to be told. It names an application only when
    its own request led here: the redirect URI is one of its own.
    """
    place, _, raw = path.partition("?")
    if place.startswith(INVITATIONS):
        return "to answer your invitation"
    if place == PAGE:
        return "to let your device in"
    if place != AUTHORIZE:
        return ""
    try:
        wish = await wishes.read(request.scope["state"]["services"], raw.encode())
    except (Refusal, Back):
        return ""
    return f"to go on to {wish.client.name}, an application of {wish.client.owner}"
