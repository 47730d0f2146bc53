"""Access tokens: opaque, kept as fingerprints, good for an hour in one workspace."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Index, LargeBinary, Text, bindparam, delete, insert, select
from sqlmodel import Field, SQLModel

from engage_api.access import holders
from engage_api.access.accounts.models import AccountRow
from engage_api.access.applications.models import APPLICATION
from engage_api.access.customer_links.people import PERSON, linked
from engage_api.access.members.models import MemberRow
from engage_api.access.members.roles import allows
from engage_api.access.oauth.models import OauthConsentRow, OauthGrantRow
from engage_api.access.organizations.models import OrganizationRow
from engage_api.core import clock, ids, secret
from engage_api.core.principal import Principal
from engage_api.core.scopes import Scope
from engage_api.core.secret import Secret
from engage_api.db import world
from engage_api.db.base import Instant
from engage_api.db.engine import Database, Transaction
from engage_api.db.row import KEY
from engage_api.db.sql import Query

LIFETIME = timedelta(hours=1)
PORTION = 1000  # rows that are swept at once


class OauthTokenRow(SQLModel, table=True):
    """An access token: an HMAC is all that is kept of it.

    It goes with the secret that it was got with, and with the grant of the person that it acts for. `scopes` as on the
    wire, with blanks between them.
    """

    __tablename__ = "oauth_token"
    __table_args__ = (
        Index("oauth_token_fingerprint", "fingerprint", unique=True),
        Index("oauth_token_expiry", "workspace_id", "expires_at"),
        Index("oauth_token_secret", "secret_id"),
        Index("oauth_token_grant", "grant_id"),
    )

    workspace_id: str = Field(primary_key=True, sa_type=KEY)
    id: str = Field(primary_key=True, sa_type=KEY)
    fingerprint: bytes = Field(sa_type=LargeBinary)
    application_id: str = Field(foreign_key="application.id", sa_type=KEY)
    client_id: str = Field(sa_type=KEY)
    secret_id: str | None = Field(default=None, sa_type=KEY, foreign_key="client_secret.id", ondelete="CASCADE")
    grant_id: str | None = Field(default=None, sa_type=KEY, foreign_key="oauth_grant.id", ondelete="CASCADE")
    scopes: str = Field(sa_type=Text)
    issued_at: datetime = Field(sa_type=Instant)
    expires_at: datetime = Field(sa_type=Instant)


_token = OauthTokenRow.__table__  # type: ignore[attr-defined]
_grant = OauthGrantRow.__table__  # type: ignore[attr-defined]
_consent = OauthConsentRow.__table__  # type: ignore[attr-defined]
_account = AccountRow.__table__  # type: ignore[attr-defined]
_member = MemberRow.__table__  # type: ignore[attr-defined]
_organization = OrganizationRow.__table__  # type: ignore[attr-defined]

_ADD = Query(insert(_token), [c.name for c in _token.columns])
_OWN = (_token.c.id, _token.c.client_id, _token.c.scopes, _token.c.issued_at, _token.c.expires_at, _token.c.grant_id)
_FIND = Query(
    holders.of(_token, *_OWN)
    .add_columns(_consent.c.account_id.label("person"), _account.c.disabled_at, _member.c.role, PERSON.c.customer_id)
    .outerjoin(_grant, _grant.c.id == _token.c.grant_id)
    .outerjoin(_consent, _consent.c.id == _grant.c.consent_id)
    .outerjoin(_account, _account.c.id == _consent.c.account_id)
    .outerjoin(_member, (_member.c.organization_id == _organization.c.id) & (_member.c.account_id == _account.c.id))
    .outerjoin(PERSON, linked(_token.c.workspace_id, _account.c.id))
    .where(_token.c.fingerprint == bindparam("fingerprint"))
)
_END = Query(delete(_token).where(_token.c.workspace_id == bindparam("workspace"), _token.c.id == bindparam("id")))
_WORKSPACES = Query(select(_token.c.workspace_id).distinct())
_here = _token.c.workspace_id == bindparam("workspace")
_SWEEP = Query(
    delete(_token).where(
        _here,
        _token.c.id.in_(select(_token.c.id).where(_here, _token.c.expires_at < bindparam("before")).limit(PORTION)),
    )
)


@dataclass(frozen=True, slots=True)
class Purpose:
    """What a new token is for: whose it is, where it is good, and for what.

    `secret_id` is the secret that it was got with, if that was needed, `grant_id` the grant of the person that it acts
    for; None: it acts for its application alone.
    """

    client_id: str
    secret_id: str | None
    application: str
    workspace: str
    scope: str
    grant_id: str | None = None


@dataclass(frozen=True, slots=True)
class Token:
    """A token that was issued. `principal` is who it lets in; None: its holder may not act now.

    `grant_id` and `person`: by which grant of whom; None when it acts for its application alone.
    """

    id: str
    client_id: str
    application: str
    workspace: str
    scope: str
    issued_at: datetime
    expires_at: datetime
    live: bool
    principal: Principal | None
    grant_id: str | None = None
    person: str | None = None

    def is_expired(self) -> bool:
        """By the time of its workspace."""
        return self.expires_at <= clock.business(self.workspace)

    def is_revoked(self) -> bool:
        """A revoked token is gone; one whose holder may not act is as good as that."""
        return self.principal is None

    def check_client(self, client: object) -> bool:
        return getattr(client, "id", None) == self.client_id

    def resource(self, base_url: str) -> str:
        """Where it is good (RFC 8707)."""
        return resource(base_url, self.workspace, live=self.live)


def resource(base_url: str, workspace: str, *, live: bool) -> str:
    """What a token is for that is good in this workspace."""
    return f"{base_url}/v1" if live else f"{base_url}/v1/sandboxes/{workspace}"


async def issue(db: Database, pepper: bytes, made: Secret, purpose: Purpose) -> None:
    """Write down a new token. It may be shown when this has returned.

    Raises:
        Conflict: the secret that it was got with has gone meanwhile.
    """
    async with db.write(purpose.workspace) as tx:
        await add(tx, pepper, made, purpose)


async def add(tx: Transaction, pepper: bytes, made: Secret, purpose: Purpose) -> None:
    """Write down a new token with whatever else is written. It may be shown after the commit.

    Raises:
        Conflict: the secret or the grant that it was got with has gone meanwhile.
    """
    now = clock.business(purpose.workspace)
    await tx.run(
        _ADD,
        workspace_id=purpose.workspace,
        id=ids.new("tok"),
        fingerprint=secret.fingerprint(pepper, made.reveal()),
        application_id=purpose.application,
        client_id=purpose.client_id,
        secret_id=purpose.secret_id,
        grant_id=purpose.grant_id,
        scopes=purpose.scope,
        issued_at=now,
        expires_at=now + LIFETIME,
    )


async def holder(db: Database, mark: bytes) -> Principal | None:
    """Whose token this is the fingerprint of, or None when there is no such token or its holder may not act.

    Crosses workspaces, as `keys.holder` does. Expiry is the caller's to check.
    """
    found = await find(db, mark)
    return found.principal if found else None


async def find(db: Database, mark: bytes) -> Token | None:
    """The token with this fingerprint, also when it has expired or its holder may not act."""
    row = await db.system.one(_FIND, None, fingerprint=mark)
    if row is None:
        return None
    await world.follow(db, row.workspace_id)
    return Token(
        id=row.id,
        client_id=row.client_id,
        application=row.application_id,
        workspace=row.workspace_id,
        scope=row.scopes,
        issued_at=row.issued_at,
        expires_at=row.expires_at,
        live=not holders.is_test(row),
        principal=_principal(row),
        grant_id=row.grant_id,
        person=row.person,
    )


async def revoke(db: Database, workspace: str, token_id: str) -> None:
    """End a token, also of a sandbox that is busy. That it is gone already is no matter."""
    async with db.system.write(None) as tx:
        await tx.run(_END, workspace=workspace, id=token_id)


async def sweep(db: Database) -> int:
    """Forget what has expired, by the time of each workspace. Returns how many that were."""
    swept = 0
    for row in await db.system.fetch(_WORKSPACES, None):
        await world.follow(db, row.workspace_id)
        last = PORTION
        while last == PORTION:
            async with db.system.write(None) as tx:
                last = await tx.run(_SWEEP, workspace=row.workspace_id, before=clock.business(row.workspace_id))
            swept += last
    return swept


def _principal(row: Any) -> Principal | None:
    """Who a token lets in: with the scopes that it was given, as far as the application still has them.

    Of a person's token, as far as the person's role in the application's organization still allows them, too. Who is no
    member there has none: else anybody who can sign in would see what the application sees. Whoever let the application
    see them as the customer that they are is this customer, and nothing else.
    """
    if not holders.may_act(row) or row.disabled_at is not None:
        return None
    application = APPLICATION.read(row.application)
    still = application.scopes if holders.is_test(row) else application.granted_scopes
    given = set(row.scopes.split(" "))
    scopes = [scope for scope in Scope if scope.value in given and scope.value in still]
    if row.person is None:
        return holders.principal(row, row.id, scopes, row.expires_at)
    if row.customer_id is not None and Scope.ME_READ in scopes:
        found = holders.principal(row, row.id, [Scope.ME_READ], row.expires_at)
        return holders.as_customer(replace(found, person=row.person), row.customer_id)
    role = row.role
    own = [one for one in scopes if one is not Scope.ME_READ and role is not None and allows(role, one)]
    return replace(holders.principal(row, row.id, own, row.expires_at), person=row.person)
