"""Who comes to the authorization server: organizations with an application, made as an operator makes them."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import quote, urlencode

from sqlalchemy import bindparam, select, update

from engage_api.access.organizations.models import OrganizationRow
from engage_api.access.worlds import WorkspaceRow
from engage_api.db import Database, Query
from engage_api.db.row import EventRow
from tests.running import Answer, Headers, Service

TOKEN, REVOKE, INTROSPECT = "/oauth/token", "/oauth/revoke", "/oauth/introspect"
GRANT = "client_credentials"
FORM = ("Content-Type", "application/x-www-form-urlencoded")
SCOPES = ("customers:read", "customers:write", "cases:read")

_workspace = WorkspaceRow.__table__  # type: ignore[attr-defined]
_SANDBOXES = Query(
    select(_workspace.c.id)
    .where(_workspace.c.organization_id == bindparam("organization"), _workspace.c.kind == "sandbox")
    .order_by(_workspace.c.created_at, _workspace.c.id)
)
_event = EventRow.__table__  # type: ignore[attr-defined]
_organization = OrganizationRow.__table__  # type: ignore[attr-defined]
SET_STATE = Query(update(_organization).where(_organization.c.id == bindparam("at_id")), ["state"])
EVENT = Query(select(_event.c.actor).where(_event.c.subject == bindparam("subject")))


@dataclass(frozen=True)
class Credential:
    """A client id and one of its secrets."""

    id: str
    secret: str

    @property
    def basic(self) -> tuple[str, str]:
        return "Authorization", basic(self.id, self.secret)


@dataclass(frozen=True)
class Party:
    """An organization with one application, and the clients of that."""

    operator: str
    organization: str
    application: str
    sandbox: str
    test: Credential
    live: Credential


def basic(client_id: str, secret: str) -> str:
    """The header's value; both halves as in a form (RFC 6749 section 2.3.1)."""
    return "Basic " + base64.b64encode(f"{quote(client_id, safe='')}:{quote(secret, safe='')}".encode()).decode()


def plain(who: Credential) -> str:
    """The same as many programs write it."""
    return base64.b64encode(f"{who.id}:{who.secret}".encode()).decode()


async def post(
    service: Service,
    path: str,
    form: Mapping[str, Any] | bytes | str,
    who: Credential | None = None,
    *more: tuple[str, str],
) -> Answer:
    """A form, of a client that shows itself in the header, or of nobody."""
    body = form if isinstance(form, bytes) else form.encode() if isinstance(form, str) else urlencode(form).encode()
    headers: Headers = [FORM, *([who.basic] if who else []), *more]
    return await service.ask("POST", path, body, headers=headers)


async def token(service: Service, who: Credential, **more: str) -> str:
    """A new access token."""
    answer = await post(service, TOKEN, {"grant_type": GRANT, **more}, who)
    assert answer.status == 200, answer.body
    return str(answer.json["access_token"])


async def introspected(service: Service, who: Credential, text: str) -> dict[str, Any]:
    answer = await post(service, INTROSPECT, {"token": text}, who)
    assert answer.status == 200, answer.body
    assert answer.header("cache-control") == "no-store"
    return dict(answer.json)


class Operated(Protocol):
    """A service that an operator has a key to."""

    @property
    def db(self) -> Database: ...
    async def key(self) -> str: ...
    async def ask(self, method: str, path: str, body: Any = None, *, key: str | None = None) -> Answer: ...


async def join(
    service: Operated,
    name: str = "Bureau",
    kind: str = "partner",
    *,
    scopes: tuple[str, ...] = SCOPES,
    plan: str = "unlimited",
    **more: Any,
) -> Party:
    """A new organization, approved, whose application is live; without secrets when it is public."""
    operator = await service.key()
    organization = await made(service, operator, "/organizations", {"name": name, "kind": kind, "plan": plan})
    await moved(service, operator, f"/organizations/{organization['id']}", "approved")
    wanted = {"name": name, "scopes": scopes, "organizationId": organization["id"], **more}
    application = await made(service, operator, "/applications", wanted)
    granted = [scope for scope in scopes if kind == "internal" or not scope.startswith("admin:")]
    await moved(service, operator, f"/applications/{application['id']}", "live", scopes=granted)
    [sandbox] = await sandboxes(service, organization["id"])
    public = application["clientType"] == "public"
    clients = {
        environment: Credential(
            application[f"{environment}ClientId"],
            "" if public else await secret(service, operator, application["id"], environment),
        )
        for environment in ("test", "live")
    }
    return Party(operator, organization["id"], application["id"], sandbox, clients["test"], clients["live"])


async def secret(service: Operated, operator: str, application: str, environment: str, **more: Any) -> str:
    """One more secret of an application."""
    made_secret = await made(
        service, operator, f"/applications/{application}/secrets", {"environment": environment, **more}
    )
    return str(made_secret["secret"])


async def moved(service: Operated, operator: str, path: str, to: str, **more: Any) -> None:
    answer = await service.ask("POST", f"/v1{path}/transitions", {"to": to, **more}, key=operator)
    assert answer.status == 200, answer.body


async def made(service: Operated, key: str, path: str, body: Any) -> dict[str, Any]:
    answer = await service.ask("POST", f"/v1{path}", body, key=key)
    assert answer.status == 201, answer.body
    return dict(answer.json)


async def sandboxes(service: Operated, organization: str) -> list[str]:
    """The oldest first."""
    return [row.id for row in await service.db.fetch(_SANDBOXES, None, organization=organization)]
