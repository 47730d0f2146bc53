"""`/account/customers`: where somebody is a customer with their account, and who asks whether they are."""

from starlette.requests import Request
from starlette.responses import Response

from engage_api.access.accounts import forms, pages, sessions
from engage_api.access.accounts.models import Account
from engage_api.access.accounts.refusals import Nothing, Refusal, SignedOut
from engage_api.access.customer_links import people, service
from engage_api.access.customer_links.people import Meant
from engage_api.core.problem import NotFound
from engage_api.db.errors import Conflict
from engage_api.http.call import Services

PATH = "/account/customers"
SHOWN = 100  # links
DONE = {"agreed": "You are linked now.", "ended": "It has ended."}


class Another(Refusal):
    """One account, one customer."""

    status, title = 409, "You are another customer there"
    text = "Who asks you has linked your account with another customer already. End that link first."


async def see(request: Request) -> Response:
    """The list, the oldest first."""
    account = await sessions.who(request)
    if account is None:
        return pages.go(sessions.sign_in_path(request))
    services: Services = request.scope["state"]["services"]
    found = await people.meant(services.db, account.id, SHOWN)
    said = DONE.get(request.query_params.get("done", ""))
    return pages.show(request, "customers.html", account=account, said=said, links=found)


async def act(request: Request) -> Response:
    """Agree to one, or end it."""
    account = await sessions.who(request)
    if account is None:
        raise SignedOut
    form = await forms.read(request, signed_in=True)
    services: Services = request.scope["state"]["services"]
    found = await _own(services, account, form.get("agree") or form.get("end") or "")
    try:
        if "agree" in form:
            await service.agree(services.db, account, found)
        else:
            await service.end_own(services.db, account, found)
    except NotFound:
        raise Nothing from None
    except Conflict:
        raise Another from None
    services.doorkeeper.forget_customer(found.workspace, found.link.customer_id)
    return pages.go(f"{PATH}?done={'agreed' if 'agree' in form else 'ended'}")


async def _own(services: Services, account: Account, link_id: str) -> Meant:
    for one in await people.meant(services.db, account.id, SHOWN):
        if one.link.id == link_id:
            return one
    raise Nothing


routes = [pages.route(PATH, see, act)]
