"""Access tokens: opaque, kept as fingerprints, good for an hour in one workspace."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Index, LargeBinary, Text, bindparam, delete, insert, select
from sqlmodel import Field, SQLModel

from engage_api.access import holders
from engage_api.access.applications.models import APPLICATION
from engage_api.core import clock, ids, secret
from engage_api.core.principal import Principal
from engage_api.core.scopes import Scope
from engage_api.core.secret import Secret
from engage_api.db.base import Instant
from engage_api.db.engine import Database
from engage_api.db.row import KEY
from engage_api.db.sql import Query

LIFETIME = timedelta(hours=1)
PORTION = 1000  # rows that are swept at once


class OauthTokenRow(SQLModel, table=True):
    """An access token: an HMAC is all that is kept of it. It goes when the secret goes that it was got with.

    `scopes` as on the wire, with blanks between them.
    """

    __tablename__ = "oauth_token"
    __table_args__ = (
        Index("oauth_token_fingerprint", "fingerprint", unique=True),
        Index("oauth_token_expiry", "workspace_id", "expires_at"),
        Index("oauth_token_secret", "secret_id"),
    )

    workspace_id: str = Field(primary_key=True, sa_type=KEY)
    id: str = Field(primary_key=True, sa_type=KEY)
    fingerprint: bytes = Field(sa_type=LargeBinary)
    application_id: str = Field(foreign_key="application.id", sa_type=KEY)
    client_id: str = Field(sa_type=KEY)
    secret_id: str = Field(sa_type=KEY, foreign_key="client_secret.id", ondelete="CASCADE")
    scopes: str = Field(sa_type=Text)
    issued_at: datetime = Field(sa_type=Instant)
    expires_at: datetime = Field(sa_type=Instant)


_token = OauthTokenRow.__table__  # type: ignore[attr-defined]

_ADD = Query(insert(_token), [c.name for c in _token.columns])
_OWN = (_token.c.id, _token.c.client_id, _token.c.scopes, _token.c.issued_at, _token.c.expires_at)
_FIND = Query(holders.of(_token, *_OWN).where(_token.c.fingerprint == bindparam("fingerprint")))
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
class Grant:
    """What a new token is for: whose it is, by which secret it was got, where it is good, and for what."""

    client_id: str
    secret_id: str
    application: str
    workspace: str
    scope: str


@dataclass(frozen=True, slots=True)
class Token:
    """A token that was issued. `principal` is who it lets in; None: its holder may not act now."""

    id: str
    client_id: str
    application: str
    workspace: str
    scope: str
    issued_at: datetime
    expires_at: datetime
    live: bool
    principal: Principal | None

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
        return f"{base_url}/v1" if self.live else f"{base_url}/v1/sandboxes/{self.workspace}"


async def issue(db: Database, pepper: bytes, made: Secret, grant: Grant) -> None:
    """Write down a new token. It may be shown when this has returned.

    Raises:
        Conflict: the secret that it was got with has gone meanwhile.
    """
    now = clock.business(grant.workspace)
    async with db.write(grant.workspace) as tx:
        await tx.run(
            _ADD,
            workspace_id=grant.workspace,
            id=ids.new("tok"),
            fingerprint=secret.fingerprint(pepper, made.reveal()),
            application_id=grant.application,
            client_id=grant.client_id,
            secret_id=grant.secret_id,
            scopes=grant.scope,
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
    )


async def revoke(db: Database, workspace: str, token_id: str) -> None:
    """End a token. That it is gone already is no matter."""
    async with db.write(workspace) as tx:
        await tx.run(_END, workspace=workspace, id=token_id)


async def sweep(db: Database) -> int:
    """Forget what has expired, by the time of each workspace. Returns how many that were."""
    swept = 0
    for row in await db.system.fetch(_WORKSPACES, None):
        last = PORTION
        while last == PORTION:
            async with db.system.write(None) as tx:
                last = await tx.run(_SWEEP, workspace=row.workspace_id, before=clock.business(row.workspace_id))
            swept += last
    return swept


def _principal(row: Any) -> Principal | None:
    """Who a token lets in: with the scopes that it was given, as far as the application still has them."""
    if not holders.may_act(row):
        return None
    application = APPLICATION.read(row.application)
    still = application.scopes if holders.is_test(row) else application.granted_scopes
    given = set(row.scopes.split(" "))
    scopes = (scope for scope in Scope if scope.value in given and scope.value in still)
    return holders.principal(row, row.id, scopes, row.expires_at)
