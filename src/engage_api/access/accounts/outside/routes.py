"""The pages of signing in elsewhere: there, and back."""

from starlette.requests import Request
from starlette.responses import Response

from engage_api.access.accounts import attempts, forms, pages, sessions
from engage_api.access.accounts.attempts import Policy
from engage_api.access.accounts.forms import HOME
from engage_api.access.accounts.outside import service
from engage_api.access.accounts.refusals import Gone, NotOurForm, SignedOut
from engage_api.access.accounts.sessions import SESSION, VISIT
from engage_api.http.windows import Seconds

OUTSIDE = Policy(Seconds(30, 60, "outside"), Seconds(10, 60, "outside-browser"))


async def leave(request: Request) -> Response:
    """On to the provider: to sign in there, or, for who is signed in here, to connect their account: with its password.

    By a page of its own: browsers hold `form-action 'self'` against every redirect that follows a form.
    """
    account = await sessions.who(request)
    form = await forms.read(request, signed_in=account is not None)
    cookie = sessions.given(request, SESSION if account else VISIT)
    await attempts.spend(request, OUTSIDE, cookie)
    if account:
        await attempts.spend(request, attempts.SIGN_IN, account.id)
        await service.require_password(sessions.of(request), account, form.get("present", ""))
    wanted = HOME if account else forms.local(form.get("next"))
    address = await service.begin(sessions.of(request), cookie, wanted, account)
    return pages.show(request, "leaving.html", account=account, path=address)


async def come_back(request: Request) -> Response:
    """Back from the provider, with whatever the address holds."""
    given = dict(request.query_params)
    if len(given) != len(request.query_params.multi_items()):
        raise NotOurForm
    cookies = {"visit": sessions.given(request, VISIT), "session": sessions.given(request, SESSION)}
    if not given.get("state") or not any(cookies.values()):
        raise Gone
    await attempts.spend(request, OUTSIDE, given["state"])
    back = await service.finish(sessions.of(request), given, cookies, sessions.visitor(request))
    return pages.go("/account?said=connected") if back.cookie is None else pages.enter(request, back.cookie, back.path)


async def disconnect(request: Request) -> Response:
    """Sign in elsewhere no more."""
    account = await sessions.who(request)
    if account is None:
        raise SignedOut
    await forms.read(request, signed_in=True)
    await service.disconnect(sessions.of(request), account)
    return pages.go("/account?said=disconnected")
