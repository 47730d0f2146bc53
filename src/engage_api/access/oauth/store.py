"""The statements on grants and refresh tokens. All of it crosses workspaces, so `db.system` runs it.

Of several who come with one code, or with one refresh token, the row count of an UPDATE decides who was first: it is
the first statement of the transaction that writes down what they get.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import bindparam, delete, insert, select, update

from engage_api.access.accounts.models import AccountRow
from engage_api.access.applications.models import ApplicationRow
from engage_api.access.customer_links.people import PERSON, linked
from engage_api.access.members.models import MemberRow
from engage_api.access.oauth import scopes
from engage_api.access.oauth.clients import Client
from engage_api.access.oauth.models import OauthConsentRow, OauthGrantRow, OauthRefreshRow
from engage_api.access.organizations.models import OrganizationRow
from engage_api.core import clock, ids
from engage_api.db.engine import Database, Transaction
from engage_api.db.sql import Query

KIND = "refresh"  # of secret, as it says itself
CODE = timedelta(seconds=60)  # a code is good for so long
REFRESH = timedelta(days=30)  # and a refresh token that nobody uses
LONGEST = timedelta(days=90)  # and whatever follows from one sign-in
GRACE = timedelta(seconds=10)  # after its use a refresh token is answered again: with what it was answered before

_consent = OauthConsentRow.__table__  # type: ignore[attr-defined]
_grant = OauthGrantRow.__table__  # type: ignore[attr-defined]
_refresh = OauthRefreshRow.__table__  # type: ignore[attr-defined]
_account = AccountRow.__table__  # type: ignore[attr-defined]
_application = ApplicationRow.__table__  # type: ignore[attr-defined]
_organization = OrganizationRow.__table__  # type: ignore[attr-defined]
_member = MemberRow.__table__  # type: ignore[attr-defined]

_allowed = (
    select(
        *_grant.columns,
        _consent.c.account_id,
        _consent.c.application_id,
        _consent.c.client_id,
        _consent.c.place,
        _account.c.disabled_at,
        _member.c.role,
        PERSON.c.customer_id,
        _refresh.c.used_at.label("refreshed_at"),
        _refresh.c.expires_at.label("refresh_expires_at"),
    )
    .join_from(_grant, _consent, _consent.c.id == _grant.c.consent_id)
    .join(_account, _account.c.id == _consent.c.account_id)
    .join(_application, _application.c.id == _consent.c.application_id)
    .join(_organization, _organization.c.id == _application.c.organization_id)
    .outerjoin(
        _member,
        (_member.c.organization_id == _application.c.organization_id) & (_member.c.account_id == _account.c.id),
    )
    .outerjoin(PERSON, linked(_consent.c.place, _account.c.id))
    .outerjoin(_refresh, (_refresh.c.grant_id == _grant.c.id) & (_refresh.c.fingerprint == bindparam("mark")))
)
_BY_CODE = Query(_allowed.where(_grant.c.code == bindparam("mark")))
_BY_REFRESH = Query(_allowed.where(_refresh.c.fingerprint == bindparam("mark")))
_BY_ID = Query(_allowed.where(_grant.c.id == bindparam("id")))
_BEGIN = Query(insert(_grant), [c.name for c in _grant.columns])
_REDEEM = Query(
    update(_grant)
    .where(
        _grant.c.id == bindparam("at_id"),
        _grant.c.redeemed_at.is_(None),
        _grant.c.code_expires_at > bindparam("now"),
    )
    .values(redeemed_at=bindparam("now"), used_at=bindparam("now"))
)
_HOLD = Query(update(_grant).where(_grant.c.id == bindparam("at_id")).values(used_at=bindparam("now")))
_USE = Query(
    update(_refresh)
    .where(_refresh.c.fingerprint == bindparam("mark"), _refresh.c.used_at.is_(None))
    .values(used_at=bindparam("now"))
)
_USED = Query(select(_refresh.c.used_at).where(_refresh.c.fingerprint == bindparam("mark")))
_FOLLOW = Query(insert(_refresh), [c.name for c in _refresh.columns])
_END = Query(delete(_grant).where(_grant.c.id == bindparam("at_id")))
_END_BY_REFRESH = Query(
    delete(_grant).where(
        _grant.c.id.in_(select(_refresh.c.grant_id).where(_refresh.c.fingerprint == bindparam("mark")))
    )
)
_SWEEP = Query(
    delete(_grant).where(
        (_grant.c.expires_at < bindparam("now"))
        | (_grant.c.redeemed_at.is_(None) & (_grant.c.code_expires_at < bindparam("now")))
    )
)
_SWEEP_REFRESH = Query(delete(_refresh).where(_refresh.c.expires_at < bindparam("now")))


@dataclass(frozen=True, slots=True)
class Allowed:
    """A grant, found by its code or by one of its refresh tokens, as Authlib asks about it.

    `scope` is what may be had by it now. `until`: when what it was found by ends; `refreshed_at`: when the refresh
    token that it was found by was used.
    """

    id: str
    client_id: str
    account: str
    place: str
    scope: str
    redirect_uri: str
    code_challenge: str
    nonce: str | None
    signed_in_at: datetime
    ends_at: datetime
    until: datetime
    redeemed: bool
    refreshed_at: datetime | None

    def check_client(self, client: Client) -> bool:
        return client.id == self.client_id

    def is_expired(self) -> bool:
        return min(self.until, self.ends_at) <= clock.host()

    def is_revoked(self) -> bool:
        """As good as that: nothing can be had by it now, or it is a refresh token that was used."""
        return self.refreshed_at is not None or not self.scope

    def get_redirect_uri(self) -> str:
        return self.redirect_uri

    def get_scope(self) -> str:
        return self.scope


async def by_code(db: Database, client: Client, mark: bytes) -> Allowed | None:
    """The grant that begins with this code, also when it was used or has expired."""
    row = await db.system.one(_BY_CODE, None, mark=mark)
    return _read(row, client, row.code_expires_at) if row else None


async def by_refresh(db: Database, client: Client, mark: bytes) -> Allowed | None:
    """The grant of this refresh token, also when it was used or has expired."""
    row = await db.system.one(_BY_REFRESH, None, mark=mark)
    return _read(row, client, row.refresh_expires_at) if row else None


async def by_id(db: Database, client: Client, grant: str) -> Allowed | None:
    """The grant with this id, found by neither code nor refresh token."""
    row = await db.system.one(_BY_ID, None, id=grant, mark=b"")
    return _read(row, client, row.expires_at) if row else None


async def begin(tx: Transaction, consent: str, words: Iterable[str], signed_in_at: datetime, **code: Any) -> str:
    """Write down a new grant; `code` are the columns of one that begins with a code. Returns its id."""
    now = clock.host()
    values = dict.fromkeys(c.name for c in _grant.columns) | {
        "id": ids.new("gra"),
        "consent_id": consent,
        "scopes": " ".join(words),
        "redirect_uri": "",
        "challenge": "",
        "signed_in_at": signed_in_at,
        "created_at": now,
        "code_expires_at": now + CODE if code else None,
        "redeemed_at": None if code else now,
        "expires_at": now + LONGEST,
    }
    await tx.run(_BEGIN, **values | code)
    return str(values["id"])


async def redeem(tx: Transaction, allowed: Allowed, following: bytes) -> bool:
    """Use a code up; `following` is the fingerprint of the refresh token that is given for it.

    False when somebody was first: whatever they got ends.
    """
    now = clock.host()
    if not await tx.run(_REDEEM, at_id=allowed.id, now=now):
        await tx.run(_END, at_id=allowed.id)
        return False
    await follow(tx, allowed, following, now)
    return True


async def rotate(tx: Transaction, allowed: Allowed, mark: bytes, following: bytes) -> bool:
    """Use a refresh token up for the one that follows it; within GRACE again, for the same one.

    False when it was used before: then one of its two holders has no right to it, and all that they got ends.
    """
    now = clock.host()
    await tx.run(_HOLD, at_id=allowed.id, now=now)  # whoever ends the grant begins with the same row
    if await tx.run(_USE, mark=mark, now=now):
        await follow(tx, allowed, following, now)
        return True
    row = await tx.one(_USED, mark=mark)
    if row is not None and row.used_at > now - GRACE:
        return True
    await tx.run(_END, at_id=allowed.id)
    return False


async def end(db: Database, grant: str) -> None:
    """End a grant with all its tokens: the database deletes them in every workspace."""
    async with db.system.write(None) as tx:
        await tx.run(_END, at_id=grant)


async def end_by_refresh(db: Database, mark: bytes) -> bool:
    """End the grant of this refresh token. False when it is none; whoever makes tokens up costs a look and no write."""
    if await db.system.one(_USED, None, mark=mark) is None:
        return False
    async with db.system.write(None) as tx:
        return bool(await tx.run(_END_BY_REFRESH, mark=mark))


async def sweep(db: Database) -> int:
    """Forget what has expired, and codes that nobody used. Returns how many rows."""
    now = clock.host()
    async with db.system.write(None) as tx:
        return await tx.run(_SWEEP, now=now) + await tx.run(_SWEEP_REFRESH, now=now)


async def follow(tx: Transaction, allowed: Allowed, mark: bytes, now: datetime) -> None:
    """Write down the next refresh token of a grant, by its fingerprint."""
    until = min(now + REFRESH, allowed.ends_at)
    await tx.run(_FOLLOW, fingerprint=mark, grant_id=allowed.id, expires_at=until, used_at=None)


def _read(row: Any, client: Client, until: datetime) -> Allowed:
    now = [] if row.disabled_at else scopes.allowed(row.scopes.split(" "), client.scopes, row.role, row.customer_id)
    return Allowed(
        id=row.id,
        client_id=row.client_id,
        account=row.account_id,
        place=row.place,
        scope=" ".join(now),
        redirect_uri=row.redirect_uri,
        code_challenge=row.challenge,
        nonce=row.nonce,
        signed_in_at=row.signed_in_at,
        ends_at=row.expires_at,
        until=until,
        redeemed=row.redeemed_at is not None,
        refreshed_at=row.refreshed_at,
    )
