"""Clients: an application in one of its two environments, found by its client id, and where its tokens are good."""

import hmac
import re
from dataclasses import dataclass

from sqlalchemy import bindparam, select

from engage_api.access import worlds
from engage_api.access.applications import redirects
from engage_api.access.applications.models import APPLICATION, AccessTokenFormat, ApplicationRow
from engage_api.access.applications.secret_models import ClientSecretMarkRow, ClientSecretRow
from engage_api.access.oauth.identity import IDENTITY
from engage_api.access.organizations.models import ORGANIZATION, OrganizationRow
from engage_api.core import clock
from engage_api.core.scopes import Scope
from engage_api.db.engine import Database
from engage_api.db.sql import Query

_CLIENT_ID = re.compile(r"(?P<application>app_[0-9a-z_]{1,60})\.(?P<environment>test|live)")
_NO_MARK = bytes(32)

_application = ApplicationRow.__table__  # type: ignore[attr-defined]
_organization = OrganizationRow.__table__  # type: ignore[attr-defined]
_secret = ClientSecretRow.__table__  # type: ignore[attr-defined]
_mark = ClientSecretMarkRow.__table__  # type: ignore[attr-defined]

_CLIENT = Query(
    select(
        _application.c.workspace_id,
        _application.c.document,
        _organization.c.id.label("organization"),
        _organization.c.state.label("organization_state"),
        _organization.c.document.label("organization_document"),
    )
    .join(_organization, _organization.c.id == _application.c.organization_id)
    .where(_application.c.id == bindparam("application"))
)
_MARKS = Query(
    select(_mark.c.fingerprint, _mark.c.secret_id, _secret.c.expires_at)
    .join_from(
        _secret,
        _mark,
        (_mark.c.workspace_id == _secret.c.workspace_id) & (_mark.c.secret_id == _secret.c.id),
    )
    .where(
        _secret.c.workspace_id == bindparam("workspace"),
        _secret.c.application_id == bindparam("application"),
        _secret.c.environment == bindparam("environment"),
    )
)


@dataclass(frozen=True, slots=True)
class Client:
    """A client as Authlib asks about it.

    `home` is the workspace of the application itself, `marks` are the fingerprints and ids of its good secrets,
    `barred` says why it gets no token. `name` and `owner`: what people know the application and its organization by.
    """

    id: str
    application: str
    organization: str
    home: str
    live: bool
    scopes: tuple[Scope, ...]
    marks: tuple[tuple[bytes, str], ...]
    barred: str | None = None
    public: bool = False
    redirect_uris: tuple[str, ...] = ()
    access_token_format: AccessTokenFormat = "opaque"  # noqa: S105  # a kind of token
    name: str = ""
    owner: str = ""

    def secret_of(self, mark: bytes) -> str | None:
        """The id of its secret with this fingerprint. All are looked at, and one at the least."""
        found = None
        for known, secret_id in self.marks or ((_NO_MARK, ""),):
            if hmac.compare_digest(mark, known) and secret_id:
                found = secret_id
        return found

    def get_client_id(self) -> str:
        return self.id

    def check_endpoint_auth_method(self, *_: str) -> bool:
        return True  # the ways of showing a secret, and that of having none, look for themselves

    def check_grant_type(self, grant: str) -> bool:
        return not (self.public and grant == "client_credentials")

    def check_response_type(self, kind: str) -> bool:
        return kind == "code"

    def check_redirect_uri(self, uri: str) -> bool:
        return redirects.is_registered(uri, self.redirect_uris)

    def get_default_redirect_uri(self) -> None:
        """None: clients say where they want to be led back to."""

    def get_allowed_scope(self, asked: str | None) -> str | None:
        """The scopes of a new token: those that are asked for, or all that are not about a person; None when one of
        them it does not have.
        """
        wanted = set(asked.split(" ")) if asked else {scope.value for scope in self.scopes}
        allowed = [scope for scope in (*IDENTITY, *self.scopes) if scope in wanted]
        return " ".join(allowed) if allowed and len(allowed) == len(wanted) else None


NOBODY = Client("", "", "", "", live=False, scopes=(), marks=())
"""Who is not known: no secret is theirs."""


async def find(db: Database, client_id: str) -> Client:
    """The client with this id, or NOBODY, who costs as many look-ups. Crosses workspaces: clients are whoever calls."""
    form = _CLIENT_ID.fullmatch(client_id)
    named = form.groupdict() if form else {"application": "", "environment": ""}
    row = await db.system.one(_CLIENT, None, **named)
    marks = await db.system.fetch(_MARKS, None, workspace=row.workspace_id if row else "", **named)
    if row is None:
        return NOBODY
    application, live = APPLICATION.read(row.document), named["environment"] == "live"
    scopes = application.granted_scopes if live else application.scopes
    now = clock.business(row.workspace_id)
    return Client(
        id=client_id,
        application=application.id,
        organization=row.organization,
        home=row.workspace_id,
        live=live,
        scopes=tuple(scope for scope in Scope if scope in scopes and (live or not scope.administers)),
        marks=tuple(
            (mark.fingerprint, mark.secret_id) for mark in marks if mark.expires_at is None or mark.expires_at > now
        ),
        barred=_barred(application.state, row.organization_state, live=live),
        public=application.client_type == "public",
        redirect_uris=tuple(application.redirect_uris),
        access_token_format=application.access_token_format,
        name=application.name,
        owner=ORGANIZATION.read(row.organization_document).name,
    )


async def workspace(db: Database, client: Client, base_url: str, resource: str | None) -> str | None:
    """Where a token of the client would be good: the workspace of this resource (RFC 8707), or without one its own.

    None when the client has nothing to do there. Live tokens are for the live workspace, test tokens for a sandbox of
    the client's organization, the oldest one unless they name another.
    """
    everything = f"{base_url}/v1"
    if client.live:
        return client.home if resource in (None, everything) else None
    if resource is None or resource == everything:
        return await worlds.sandbox(db, client.organization)
    named = resource.removeprefix(f"{everything}/sandboxes/")
    return None if named == resource else await worlds.sandbox(db, client.organization, named)


def _barred(application: str, organization: str, *, live: bool) -> str | None:
    """Why an application in this state, of an organization in that one, gets no token."""
    if application == "revoked":
        return "The application is revoked."
    if organization == "suspended":
        return "The organization is suspended."
    if live and application != "live":
        return "The application is not live: use its test client id."
    if live and organization != "approved":
        return "The organization is not approved: use the test client id."
    return None
