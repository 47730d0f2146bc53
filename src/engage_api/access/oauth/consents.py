"""The statements on what people agree to. All of it crosses workspaces, so `db.system` runs it."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, delete, func, select
from sqlalchemy.dialects.postgresql import insert

from engage_api.access.accounts.models import AccountSessionRow
from engage_api.access.applications.models import ApplicationRow
from engage_api.access.members.models import MemberRow
from engage_api.access.members.roles import Role
from engage_api.access.oauth.clients import Client
from engage_api.access.oauth.models import OauthConsentRow, OauthGrantRow
from engage_api.access.organizations.models import OrganizationRow
from engage_api.core import clock, ids
from engage_api.db.engine import Database, Transaction
from engage_api.db.sql import Query

_consent = OauthConsentRow.__table__  # type: ignore[attr-defined]
_grant = OauthGrantRow.__table__  # type: ignore[attr-defined]
_application = ApplicationRow.__table__  # type: ignore[attr-defined]
_organization = OrganizationRow.__table__  # type: ignore[attr-defined]
_member = MemberRow.__table__  # type: ignore[attr-defined]
_session = AccountSessionRow.__table__  # type: ignore[attr-defined]

_ROLE = Query(
    select(_member.c.role).where(
        _member.c.organization_id == bindparam("organization"), _member.c.account_id == bindparam("account")
    )
)
_CONSENT = Query(
    select(_consent.c.scopes).where(
        _consent.c.account_id == bindparam("account"),
        _consent.c.client_id == bindparam("client"),
        _consent.c.place == bindparam("place"),
    )
)
_KNOWN = Query(
    select(_consent.c.scopes)
    .join_from(_consent, _grant, _grant.c.consent_id == _consent.c.id)
    .where(
        _consent.c.account_id == bindparam("account"),
        _consent.c.client_id == bindparam("client"),
        _consent.c.place == bindparam("place"),
        _grant.c.redirect_uri == bindparam("redirect_uri"),
    )
    .limit(1)
)
_new = insert(_consent)  # SQLite says it the same way
_AGREE = Query(
    _new.on_conflict_do_update(
        index_elements=["account_id", "client_id", "place"],
        set_={"scopes": _new.excluded.scopes, "given_at": _new.excluded.given_at},
    ).returning(_consent.c.id),
    [c.name for c in _consent.columns],
)
_SINCE = Query(select(_session.c.created_at).where(_session.c.id == bindparam("session")))
_last = select(func.max(_grant.c.used_at)).where(_grant.c.consent_id == _consent.c.id).scalar_subquery()
_CONSENTS = Query(
    select(
        _consent,
        _application.c.document.label("application"),
        _organization.c.document.label("organization"),
        _last.label("used_at"),
    )
    .join_from(_consent, _application, _application.c.id == _consent.c.application_id)
    .join(_organization, _organization.c.id == _application.c.organization_id)
    .where(_consent.c.account_id == bindparam("account"))
    .order_by(_consent.c.given_at.desc(), _consent.c.id.desc())
    .limit(bindparam("most"))
)
_TAKE_BACK = Query(
    delete(_consent).where(_consent.c.id == bindparam("at_id"), _consent.c.account_id == bindparam("account"))
)


async def role(db: Database, organization: str, account: str) -> Role | None:
    """What this person is in an organization; None: no member."""
    row = await db.system.one(_ROLE, None, organization=organization, account=account)
    return row.role if row else None


async def agreed(tx: Transaction, client: Client, account: str, place: str) -> set[str]:
    """The scopes that this person has allowed the client there."""
    row = await tx.one(_CONSENT, client=client.id, account=account, place=place)
    return set(row.scopes.split(" ")) if row else set()


async def known(db: Database, client: Client, account: str, place: str, redirect_uri: str) -> set[str]:
    """The same, if they have been led to this redirect URI before: a new one may be that of somebody else."""
    given = {"client": client.id, "account": account, "place": place, "redirect_uri": redirect_uri}
    row = await db.system.one(_KNOWN, None, **given)
    return set(row.scopes.split(" ")) if row else set()


async def agree(tx: Transaction, client: Client, account: str, place: str, words: Iterable[str]) -> str:
    """Remember that these scopes have been allowed, in the place of what was before. Returns the id of the consent."""
    values = {
        "id": ids.new("con"),
        "account_id": account,
        "application_id": client.application,
        "client_id": client.id,
        "place": place,
        "scopes": " ".join(words),
        "given_at": clock.host(),
    }
    return str((await tx.one(_AGREE, **values)).id)


async def signed_in_at(db: Database, session: str) -> datetime | None:
    """When this session began, if it has not ended."""
    row = await db.system.one(_SINCE, None, session=session)
    return row.created_at if row else None


async def consents(db: Database, account: str, most: int) -> list[Any]:
    """What this person has allowed, the newest first, with the documents of application and organization."""
    return await db.system.fetch(_CONSENTS, None, account=account, most=most)


async def take_back(db: Database, account: str, consent: str) -> bool:
    """End a consent of this person with all that followed from it. False when there is none like it."""
    async with db.system.write(None) as tx:
        return bool(await tx.run(_TAKE_BACK, at_id=consent, account=account))
