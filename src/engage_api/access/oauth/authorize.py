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
from engage_api.access.customer_links import people
from engage_api.access.oauth import consents, scopes, store, wishes
from engage_api.access.oauth.metadata import AUTHORIZE
from engage_api.access.oauth.scopes import SENTENCES
from engage_api.access.oauth.wishes import Back, Wish
from engage_api.core import clock, secret
from engage_api.db.errors import Conflict
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
        given = await _allowed(services, wish, account)
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
        given = [word for word in await _allowed(services, wish, account) if word in shown]
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


async def _allowed(services: Services, wish: Wish, account: Account) -> list[str]:
    """What the application gets, of what it asks for, when this person agrees."""
    role = await consents.role(services.db, wish.client.organization, account.id)
    customer = await people.customer_of(services.db, account.id, wish.place, wish.client.application)
    return scopes.allowed(wish.words, wish.client.scopes, role, customer)


async def _code(request: Request, wish: Wish, account: Account, given: Sequence[str]) -> str:
    """Where to lead the browser, with a new code. It is written down before anybody sees it."""
    services: Services = request.scope["state"]["services"]
    await attempts.spend(request, ALLOW, account.id)
    db, client, place = services.db, wish.client, wish.place
    made = secret.make("live" if client.live else "test", "code")
    since = await consents.signed_in_at(db, account.session)
    before = await consents.agreed(db, client, account.id, place)
    if since is None:  # ended meanwhile
        raise SignedOut
    code = {
        "code": secret.fingerprint(services.pepper, made.reveal()),
        "redirect_uri": wish.redirect_uri,
        "challenge": wish.parameters["code_challenge"],
        "nonce": wish.parameters.get("nonce"),
    }
    try:
        async with db.system.write(None) as tx:
            remembered = [word for word in SENTENCES if word in before or word in given]
            consent = await consents.agree(tx, client, account.id, place, remembered)
            await store.begin(tx, consent, given, since, **code)
    except Conflict:  # the account has gone meanwhile
        raise SignedOut from None
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
