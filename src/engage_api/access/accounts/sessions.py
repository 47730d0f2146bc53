"""Who is signed in: the cookie of a session, and the account that it stands for.

In production cookies are `__Host-` ones: only this host over TLS can have set them, for no other host and no part of it
(RFC 6265bis section 4.1.3.2). Plain http, in development, can have no such cookies.
"""

import re
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response

from engage_api.access.accounts import agents
from engage_api.access.accounts.models import Account, Visitor
from engage_api.access.accounts.service import LONGEST, Accounts
from engage_api.http.call import Services

SESSION, VISIT = "engage-session", "engage-visit"
"""The cookie of who is signed in, and that of somebody who is not yet: a form is bound to one of them."""
_TOKEN = re.compile(r"[A-Za-z0-9_-]{43}")


def of(request: Request) -> Accounts:
    """The accounts of the service that answers this request."""
    services: Services = request.scope["state"]["services"]
    accounts: Accounts = services.accounts
    return accounts


async def who(request: Request) -> Account | None:
    """Who is signed in. One look into the database, and none without a cookie."""
    cookie = given(request, SESSION)
    return await of(request).who(cookie) if cookie else None


def sign_in_path(request: Request) -> str:
    """Where to send somebody who has to sign in first, and comes back to this very address."""
    query = request.url.query
    return f"/account/sign-in?next={quote(request.url.path + (f'?{query}' if query else ''), safe='')}"


def given(request: Request, name: str) -> str:
    """The value of one of our cookies, or nothing when it is none that we could have made."""
    text = request.cookies.get(_called(of(request), name), "")
    return text if _TOKEN.fullmatch(text) else ""


def give(request: Request, response: Response, name: str, value: str) -> None:
    """Set one of our cookies; an empty value takes it away."""
    accounts = of(request)
    response.set_cookie(
        _called(accounts, name),
        value,
        max_age=int(LONGEST.total_seconds()) if value else 0,
        path="/",
        secure=accounts.secure,
        httponly=True,
        samesite="lax",
    )


def visitor(request: Request) -> Visitor:
    """What a session remembers of where it began."""
    agent = agents.named(request.headers.get("user-agent", ""))
    return Visitor(agent, request.client.host if request.client else "")


def _called(accounts: Accounts, name: str) -> str:
    return f"__Host-{name}" if accounts.secure else name
