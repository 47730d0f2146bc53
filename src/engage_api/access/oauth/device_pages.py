"""`/device`: a person types the code that their device shows, reads what its program may do, and says yes or no."""

from collections.abc import Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from engage_api.access.accounts import attempts, forms, pages, sessions
from engage_api.access.accounts.attempts import Policy
from engage_api.access.accounts.models import Account
from engage_api.access.accounts.refusals import Refusal, SignedOut
from engage_api.access.oauth import agreement, clients, devices, scopes
from engage_api.access.oauth.clients import Client
from engage_api.access.oauth.device import PAGE
from engage_api.core import secret
from engage_api.http.call import Services
from engage_api.http.windows import Seconds

TYPE = Policy(Seconds(5, 60, "device"), Seconds(5, 60, "device-account"))
DECIDE = Policy(Seconds(60, 60, "device-decide"), Seconds(60, 60, "device-decide-account"))
UNKNOWN = "No device shows this code now. It may be mistyped, used, or older than ten minutes."


class TooLate(Refusal):
    """The device waits no more, or somebody has decided already."""

    status, title = 400, "The device does not wait any more"
    text = "It has been let in or refused already, or its ten minutes are over. Begin again on the device."


async def see(request: Request) -> Response:
    """The form for the code; one in the address is filled in, and has to be sent by hand all the same."""
    account = await sessions.who(request)
    if account is None:
        return pages.go(sessions.sign_in_path(request))
    typed = devices.read_code(request.query_params.get("user_code", ""))
    return pages.show(request, "device.html", account=account, values={"code": typed})


async def act(request: Request) -> Response:
    """What was typed, or what was decided."""
    account = await sessions.who(request)
    if account is None:
        raise SignedOut
    form = await forms.read(request, signed_in=True)
    if "device" in form:
        return await _decide(request, account, form)
    return await _ask(request, account, form.get("code", ""))


async def _ask(request: Request, account: Account, typed: str) -> Response:
    """Who wants what. Every code counts, right or wrong: nobody finds one by trying."""
    services: Services = request.scope["state"]["services"]
    await attempts.spend(request, TYPE, account.id)
    code = devices.read_code(typed)
    row: Any = await devices.waiting(services.db, secret.fingerprint(services.pepper, code)) if code else None
    client = await _client(services, row)
    if client is None or row is None:
        errors = {"code": [UNKNOWN]}
        return pages.show(request, "device.html", status=400, account=account, errors=errors, values={"code": typed})
    words = row.scopes.split(" ")
    given = await agreement.allowed(services.db, client, account, row.place, words)
    values: dict[str, Any] = {
        "client": client,
        "device": row.id,
        "code": code,
        "scopes": " ".join(given),
        "sentences": scopes.sentences(given, client.owner),
        "refused": len(given) < len(set(words)),
        "another": f"/account/sign-in?again=1&next={PAGE}",
    }
    return pages.show(request, "device-consent.html", account=account, **values)


async def _decide(request: Request, account: Account, form: dict[str, str]) -> Response:
    services: Services = request.scope["state"]["services"]
    await attempts.spend(request, DECIDE, account.id)
    row = await devices.still_waiting(services.db, form["device"])
    client = await _client(services, row)
    if client is None:
        raise TooLate
    shown = form.get("scopes", "").split(" ")
    wanted = [word for word in row.scopes.split(" ") if word in shown]
    yes = form.get("decision") == "allow"
    given = await agreement.allowed(services.db, client, account, row.place, wanted) if yes else []
    await _write(services, client, account, row, given)
    if not given:
        return pages.tell("The device is not let in", "It is told so. You can close this page.", account)
    return pages.tell("The device is let in", "It goes on within a few seconds. You can close this page.", account)


async def _write(services: Services, client: Client, account: Account, row: Any, given: Sequence[str]) -> None:
    """Decide first, then write down what follows from it."""
    async with services.db.system.write(None) as tx:
        if not await devices.decide(tx, row.id):
            raise TooLate
        if given:
            await devices.allow(tx, row.id, await agreement.begin(tx, client, account, row.place, given))


async def _client(services: Services, row: Any) -> Client | None:
    """Whose device it is, as long as that may act."""
    client = await clients.find(services.db, row.client_id) if row else None
    return client if client and client.barred is None else None


routes = [pages.route(PAGE, see, act)]
