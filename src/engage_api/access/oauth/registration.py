"""`/oauth/register`: a program makes a client for itself (RFC 7591), in sandboxes only.

The initial access token is a test key or token with `applications:write`. What comes of it is an application of the
same organization like any other, whose test client id works at once; an operator can let it into the live workspace.
"""

from dataclasses import replace
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError
from starlette.requests import Request

from engage_api.access.applications import redirects, secrets, service
from engage_api.access.applications.models import MOST_REDIRECTS, Application, ApplicationCreate
from engage_api.access.applications.secret_models import ClientSecretCreate
from engage_api.access.credentials import bearer, usable
from engage_api.access.oauth import metadata
from engage_api.access.oauth.forms import LARGEST, NONE, Refused
from engage_api.access.oauth.server import Answer
from engage_api.access.worlds import LIVE
from engage_api.core.model import Name
from engage_api.core.principal import Principal
from engage_api.core.problem import InvalidJson, Problem, TooManyRequests
from engage_api.core.scopes import Scope
from engage_api.core.secret import Secret
from engage_api.http import strict
from engage_api.http.call import Services

NEEDED = Scope.APPLICATIONS_WRITE
NO_STORE = {"Cache-Control": "no-store"}
Word = Annotated[str, StringConstraints(max_length=100)]
Uri = Annotated[str, StringConstraints(max_length=redirects.LONGEST)]
Method = Literal["client_secret_basic", "client_secret_post", "none"]


class Wish(BaseModel):
    """What a client may say of itself (section 2). What is not here is ignored, as section 2 wants it."""

    model_config = ConfigDict(strict=True, extra="ignore")

    client_name: Name = "A registered client"
    redirect_uris: list[Uri] = Field([], max_length=MOST_REDIRECTS)
    grant_types: list[Word] = Field(["authorization_code"], max_length=10)
    response_types: list[Word] = Field(["code"], max_length=10)
    token_endpoint_auth_method: Method = "client_secret_basic"  # noqa: S105  # a method, no secret
    scope: Annotated[str, StringConstraints(max_length=2_000)] | None = None

    @property
    def public(self) -> bool:
        """Whether it can keep no secret."""
        return self.token_endpoint_auth_method == NONE


class Asked(NamedTuple):
    """A request: its body, and by whom and from where it comes."""

    body: bytes
    token: str | None
    client: tuple[str, int] | None


async def read(request: Request) -> Asked:
    """What a request brings.

    Raises:
        Refused: too long, or no JSON.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise Refused("invalid_client_metadata", "The body must be application/json.")
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > LARGEST:
            raise Refused("invalid_client_metadata", "The body is too large.", 413)
    return Asked(body, bearer(request.scope["headers"]), request.scope["client"])


async def register(asked: Asked, services: Services) -> Answer:
    """A new client, or why there is none (section 3.2)."""
    principal = await services.doorkeeper.recognise(asked.token) if asked.token else None
    if principal is None or not usable(principal, asked.client):
        return _unknown(services, 401, "invalid_token" if asked.token else "")
    try:
        headers = await services.limits.spend(principal, NEEDED.value)
    except TooManyRequests as error:
        return Answer(429, {"error": "temporarily_unavailable"}, NO_STORE | dict(error.headers))
    if NEEDED not in principal.scopes:
        return _unknown(services, 403, "insufficient_scope")
    if principal.live:
        told = "Clients register in sandboxes: show a test key. In the live workspace use POST /v1/applications."
        return Answer(403, {"error": "access_denied", "error_description": told}, NO_STORE)
    wish = _read(asked.body)
    scopes = _scopes(principal, wish)
    application, made = await _make(services, principal, wish, scopes)
    spent = {str(name, "ascii"): str(value, "ascii") for name, value in headers}
    return Answer(201, _shown(application, made, wish), NO_STORE | spent)


def _read(body: bytes) -> Wish:
    """The metadata, if a client can be made of it.

    Raises:
        Refused: as section 3.2.2 has it.
    """
    try:
        wish = Wish.model_validate(strict.check(body))
    except InvalidJson as error:
        raise Refused("invalid_client_metadata", str(error)) from None
    except ValidationError as error:
        name = str((*error.errors(include_input=False, include_url=False)[0]["loc"], "the body")[0])
        wrong = "invalid_redirect_uri" if name == "redirect_uris" else "invalid_client_metadata"
        raise Refused(wrong, f"The value of {name} is not one that it may have.") from None
    for uri in wish.redirect_uris:
        if told := redirects.fault(uri):
            raise Refused("invalid_redirect_uri", told.replace("…", "..."))  # in ASCII, as RFC 6749 has it
    if "authorization_code" in wish.grant_types and not wish.redirect_uris:
        raise Refused("invalid_redirect_uri", "A client that people sign in to needs a redirect URI.")
    if not set(wish.grant_types) <= set(_grants(public=wish.public)):
        raise Refused("invalid_client_metadata", "There is no such grant for such a client.")
    if set(wish.response_types) - {"code"}:
        raise Refused("invalid_client_metadata", "The only response type is code.")
    return wish


def _scopes(principal: Principal, wish: Wish) -> list[Scope]:
    """What it may do: nobody gives away more than they have."""
    if wish.scope is None:
        return sorted(scope for scope in principal.scopes if not scope.administers)
    words = wish.scope.split(" ")
    known = [scope for scope in Scope if scope.value in words and scope in principal.scopes]
    if not known or len(known) != len(set(words)):
        raise Refused("invalid_client_metadata", "Ask for scopes that your own credential has.")
    return known


def _grants(*, public: bool) -> list[str]:
    """What such a client may use: one without a secret gets nothing for itself."""
    every: list[str] = metadata.document("")["grant_types_supported"]
    return [grant for grant in every if not (public and grant == "client_credentials")]


async def _make(
    services: Services, principal: Principal, wish: Wish, scopes: list[Scope]
) -> tuple[Application, Secret | None]:
    """Applications are kept in the live workspace, where the caller acts for this alone, and for its organization."""
    home = replace(principal, workspace=LIVE, live=True, sees_workspace=False)
    wanted = ApplicationCreate(
        name=wish.client_name,
        scopes=scopes,
        redirect_uris=wish.redirect_uris,
        client_type="public" if wish.public else "confidential",
    )
    try:
        async with services.db.write(LIVE) as tx:
            stored = await service.create(tx, home, wanted)
            if wish.public:
                return stored.model, None
            test = ClientSecretCreate(environment="test")
            return stored.model, (await secrets.create(tx, home, services.pepper, stored.model.id, test))[1]
    except service.TooManyApplications as problem:
        raise Refused("access_denied", problem.title, 403) from None
    except Problem as problem:
        raise Refused("invalid_client_metadata", problem.title) from None


def _shown(application: Application, made: Secret | None, wish: Wish) -> dict[str, Any]:
    """The client as it was made (section 3.2.1): with the grants that it may use, whichever it named."""
    proof = {} if made is None else {"client_secret": made.reveal(), "client_secret_expires_at": 0}
    return {
        "client_id": application.test_client_id,
        "client_id_issued_at": int(application.created_at.timestamp()),
        **proof,
        "client_name": application.name,
        "redirect_uris": list(application.redirect_uris),
        "grant_types": _grants(public=made is None),
        "response_types": ["code"],
        "token_endpoint_auth_method": wish.token_endpoint_auth_method,
        "scope": " ".join(application.scopes),
    }


def _unknown(services: Services, status: int, error: str) -> Answer:
    """As RFC 6750 section 3 has it."""
    parts = [
        'Bearer realm="engage"',
        *([f'error="{error}"'] if error else []),
        *([f'scope="{NEEDED.value}"'] if status == 403 else []),
        f'resource_metadata="{services.base_url}/.well-known/oauth-protected-resource"',
    ]
    body = {"error": error or "invalid_token", "error_description": f"A test key with {NEEDED.value} is needed."}
    return Answer(status, body, NO_STORE | {"WWW-Authenticate": ", ".join(parts)})
