"""`/account/permissions`: what somebody has allowed applications to do for them, and the end of it."""

from starlette.requests import Request
from starlette.responses import Response

from engage_api.access.accounts import forms, pages, sessions
from engage_api.access.accounts.refusals import Nothing, SignedOut
from engage_api.access.applications.models import APPLICATION
from engage_api.access.oauth import consents
from engage_api.access.oauth.scopes import SENTENCES
from engage_api.access.organizations.models import ORGANIZATION
from engage_api.http.call import Services

PATH = "/account/permissions"
SHOWN = 100  # consents


async def see(request: Request) -> Response:
    """The list, the newest first."""
    account = await sessions.who(request)
    if account is None:
        return pages.go(sessions.sign_in_path(request))
    services: Services = request.scope["state"]["services"]
    found = [
        {
            "id": row.id,
            "name": APPLICATION.read(row.application).name,
            "owner": ORGANIZATION.read(row.organization).name,
            "live": row.client_id.endswith(".live"),
            "sentences": [SENTENCES[word] for word in row.scopes.split(" ") if word in SENTENCES],
            "given_at": row.given_at,
            "used_at": row.used_at,
        }
        for row in await consents.consents(services.db, account.id, SHOWN)
    ]
    said = "It may not act for you any more." if request.query_params.get("done") else None
    return pages.show(request, "permissions.html", account=account, said=said, consents=found, most=SHOWN)


async def take_back(request: Request) -> Response:
    """End one: every token that followed from it ends with it."""
    account = await sessions.who(request)
    if account is None:
        raise SignedOut
    which = (await forms.read(request, signed_in=True)).get("end", "")
    services: Services = request.scope["state"]["services"]
    if not await consents.take_back(services.db, account.id, which):
        raise Nothing
    services.doorkeeper.forget_all()
    return pages.go(f"{PATH}?done=1")


routes = [pages.route(PATH, see, take_back)]
