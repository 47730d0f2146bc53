"""`/oauth/authorize`: a person signs in, reads what an application may do for them, and says yes or no."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response

from engage_api.access.accounts import attempts, forms, pages, sessions
from engage_api.access.accounts.attempts import Policy
from engage_api.access.accounts.models import Account
from engage_api.access.accounts.refusals import SignedOut
from engage_api.access.oauth import agreement, consents, scopes, wishes
from engage_api.access.oauth.metadata import AUTHORIZE
from engage_api.access.oauth.wishes import Back, Wish
from engage_api.core import clock, secret
from engage_api.http.call import Services
from engage_api.http.windows import Seconds

ALLOW = Policy(Seconds(60, 60, "allow"), Seconds(60, 60, "allow-account"))


async def see(request: Request) -> Response:
    """Lead back at once whoever has agreed before; show everybody else what is asked for."""
    services: Services = request.scope["state"]["services"]
    try:
        wish = await wishes.read(services, request.scope["query_string"])
        account = await sessions.who(request)
        if account is None or await _has_to_sign_in(services, wish, account):
            if "none" in wish.prompt:
                raise wish.back("login_required", "The person has to sign in first.")
            return pages.go(wish.sign_in_path)
        given = await agreement.allowed(services.db, wish.client, account, wish.place, wish.words)
        agreed = await consents.known(services.db, wish.client, account.id, wish.place, wish.redirect_uri)
        if _knows(wish) and given and agreed.issuperset(given):
            return _lead(await _code(request, wish, account, given))
        if "none" in wish.prompt:
            raise wish.back("consent_required", "The person has to agree first.")
    except Back as back:
        return _lead(wishes.location(back.redirect_uri, services.base_url, back.parameters))
    return _page(request, wish, account, given)


async def decide(request: Request) -> Response:
    """What the person said. It leads back by a page: browsers hold `form-action` against a redirect to elsewhere."""
    services: Services = request.scope["state"]["services"]
    account = await sessions.who(request)
    if account is None:
        raise SignedOut
    form = await forms.read(request, signed_in=True)
    try:
        wish = await wishes.read(services, form.get("request", "").encode())
        shown = form.get("scopes", "").split(" ")
        allowed = await agreement.allowed(services.db, wish.client, account, wish.place, wish.words)
        given = [word for word in allowed if word in shown]
        if form.get("decision") != "allow" or not given:
            raise wish.back("access_denied")
        path = await _code(request, wish, account, given)
    except Back as back:
        path = wishes.location(back.redirect_uri, services.base_url, back.parameters)
    return pages.show(request, "led-back.html", account=account, path=path)


async def _has_to_sign_in(services: Services, wish: Wish, account: Account) -> bool:
    """Whether being signed in is not enough: it has to be done now, or was too long ago (OpenID Connect 3.1.2.1)."""
    if wish.prompt & {"login", "select_account"}:
        return True
    if wish.max_age is None:
        return False
    since = await consents.signed_in_at(services.db, account.session)
    return since is None or since <= clock.host() - timedelta(seconds=wish.max_age)


def _knows(wish: Wish) -> bool:
    """Whether a consent counts that was given before. Not of a program without a secret that nobody knows by its
    address, for any other program could say that it is this one (RFC 8252 section 8.6).
    """
    return "consent" not in wish.prompt and not (wish.client.public and urlsplit(wish.redirect_uri).scheme != "https")


async def _code(request: Request, wish: Wish, account: Account, given: Sequence[str]) -> str:
    """Where to lead the browser, with a new code. It is written down before anybody sees it."""
    services: Services = request.scope["state"]["services"]
    await attempts.spend(request, ALLOW, account.id)
    made = secret.make("live" if wish.client.live else "test", "code")
    code = {
        "code": secret.fingerprint(services.pepper, made.reveal()),
        "redirect_uri": wish.redirect_uri,
        "challenge": wish.parameters["code_challenge"],
        "nonce": wish.parameters.get("nonce"),
    }
    async with services.db.system.write(None) as tx:
        await agreement.begin(tx, wish.client, account, wish.place, given, **code)
    parameters = {"code": made.reveal(), "state": wish.parameters.get("state")}
    return wishes.location(wish.redirect_uri, services.base_url, parameters)


def _lead(path: str) -> Response:
    """To the application; Starlette's own redirect would write the address in another way."""
    return Response(status_code=303, headers={"Location": path})


def _page(request: Request, wish: Wish, account: Account, given: Sequence[str]) -> Response:
    led_to = urlsplit(wish.redirect_uri)
    values: dict[str, Any] = {
        "client": wish.client,
        "wish": wish.query,
        "scopes": " ".join(given),
        "sentences": scopes.sentences(given, wish.client.owner),
        "refused": len(given) < len(set(wish.words)),
        "back_to": led_to.netloc if led_to.scheme == "https" else "",
        "another": wish.sign_in_path,
    }
    return pages.show(request, "authorize.html", account=account, **values)


routes = [pages.route(AUTHORIZE, see, decide)]
