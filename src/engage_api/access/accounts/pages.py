"""The pages as HTML: templates of the package, with everything that came from outside escaped."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from functools import lru_cache, wraps
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import structlog
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from engage_api.access.accounts import forms, sessions
from engage_api.access.accounts.forms import FORM, HOME
from engage_api.access.accounts.models import Account
from engage_api.access.accounts.refusals import Broken, Busy, NotThisWay, Refusal
from engage_api.access.accounts.sessions import SESSION, VISIT
from engage_api.core import clock
from engage_api.db.errors import Unavailable
from engage_api.http.middleware import METHODS

if TYPE_CHECKING:
    from jinja2 import Environment

Handler = Callable[[Request], Awaitable[Response]]

_log = structlog.get_logger("engage.accounts")

FOLDER = Path(__file__).parent
STYLE = (FOLDER / "style.css").read_bytes()
STYLE_PLACE = f"/account/style.css?{sha256(STYLE).hexdigest()[:8]}"
KEPT = "public, max-age=31536000, immutable"
SAID = {
    "signed-out": "You are signed out.",
    "deleted": "Your account is deleted.",
    "reset": "Your new password is set, and all sessions have ended. So has what you allowed applications, and signing "
    "in from elsewhere. Sign in with the new password.",
    "password": "Your new password is set, and all other sessions have ended.",
    "ended": "The session has ended.",
    "others": "All other sessions have ended.",
    "connected": "Your account is connected. You can sign in this way from now on.",
    "disconnected": "Your account is not connected any more.",
    "started": "Your organization is there, with a sandbox of its own. Make an application next.",
    "joined": "You are a member now.",
    "declined": "The invitation is declined.",
    "left": "You have left the organization.",
    "invited": "The invitation is on its way.",
    "withdrawn": "The invitation is withdrawn.",
    "role": "The role is changed.",
    "approved": "The organization is approved. Its applications go live over the API.",
    "suspended": "The organization is suspended.",
    "removed": "They are no member any more.",
    "made": "The application is there.",
    "changed": "The application is changed.",
    "secret-ended": "The client secret has ended, and so have the tokens that were issued for it.",
    "key-ended": "The key has ended.",
}
"""What a page says of what was done before; the address names it, so nobody can make it say anything else."""


def show(
    request: Request, name: str, *, status: int = 200, account: Account | None = None, **values: Any
) -> HTMLResponse:
    """A page with a form. `account`: who is signed in; their form is bound to their session."""
    cookie, new = (sessions.given(request, SESSION), False) if account else forms.visit(request)
    outside = sessions.of(request).outside
    given = {
        "errors": {},
        "values": {},
        "account": account,
        "said": SAID.get(request.query_params.get("said", "")),
        "seal": {"name": FORM, "value": forms.seal(request, cookie)},
        "outbox": sessions.of(request).outbox is not None,
        "outside": outside.name if outside else "",
    }
    response = HTMLResponse(_render(name, **given | values), status)
    if new:
        sessions.give(request, response, VISIT, cookie)
    return response


def tell(title: str, text: str, account: Account | None) -> HTMLResponse:
    """A page that only says something."""
    return HTMLResponse(_render("told.html", title=title, text=text, account=account, back=Refusal.back))


async def refused(request: Request, refusal: Refusal) -> HTMLResponse:
    """The page for a refusal. Who is signed in is told so, unless that cannot be found out just now."""
    try:
        account = await sessions.who(request) if refusal.status < 500 else None  # not with a fault of ours
    except Unavailable:
        account = None
    given = {"title": refusal.title, "text": refusal.text, "account": account, "back": refusal.back}
    return HTMLResponse(_render("told.html", **given), refusal.status, dict(refusal.headers))


def paged(handler: Handler) -> Handler:
    """Whatever goes wrong is a page, too."""

    @wraps(handler)
    async def answer(request: Request) -> Response:
        try:
            return await handler(request)
        except Refusal as refusal:
            request.scope["state"]["counted"] = True  # like every request that comes to nothing
            return await refused(request, refusal)
        except Unavailable:
            return await refused(request, Busy())
        except Exception as error:  # noqa: BLE001  # nothing may leave but a page
            request.scope["state"]["counted"] = True  # as above: who finds a fault of ours cannot ask for it for ever
            _log.error("unexpected", request_id=request.scope["state"]["request_id"], exc_info=error)
            return await refused(request, Broken())

    return answer


def route(path: str, see: Handler | None, do: Handler | None) -> Route:
    """A page by its address: what looks at it, and what is sent to it."""
    ways = {"GET": see, "HEAD": see, "POST": do}
    allowed = [method for method, handler in ways.items() if handler]

    async def answer(request: Request) -> Response:
        handler = ways.get(request.method)
        if handler is None:
            raise NotThisWay(*allowed)
        return await handler(request)

    return Route(path, paged(answer), methods=sorted(METHODS))


def go(path: str) -> Response:
    """To another page, with GET."""
    return RedirectResponse(path, 303)


def leave(request: Request, said: str) -> Response:
    """Signed out: to the sign-in page, which says why."""
    response = go(f"/account/sign-in?said={said}")
    sessions.give(request, response, SESSION, "")
    return response


def enter(request: Request, cookie: str, path: str) -> Response:
    """Signed in: the new cookie, and on to where they wanted.

    Elsewhere than here by a page of its own: browsers hold `form-action 'self'` against every redirect that follows a
    form, so an authorization that leads back to an application would end here.
    """
    page = HTMLResponse(_render("entered.html", path=path, account=None))
    response = go(path) if path == HOME else page
    sessions.give(request, response, SESSION, cookie)
    return response


async def style(_: Request) -> Response:
    """The style sheet; its address changes with what is in it."""
    return Response(STYLE, media_type="text/css", headers={"Cache-Control": KEPT})


def _render(name: str, **values: Any) -> str:
    return _environment().get_template(name).render(style=STYLE_PLACE, **values)


@lru_cache(maxsize=1)
def _environment() -> "Environment":
    from jinja2 import Environment, FileSystemLoader, StrictUndefined  # noqa: PLC0415  # a start need not wait for it

    made = Environment(
        loader=FileSystemLoader(FOLDER / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {"wire": clock.wire, "moment": _moment, "word": _word}
    return made


def _word(code: str) -> str:
    """A code as people read it: Sandbox only."""
    return code.replace("-", " ").capitalize()


def _moment(moment: datetime) -> str:
    """As people read it: 21 November 2026, 20:00 UTC."""
    return f"{moment.day} {moment:%B %Y, %H:%M} UTC"
