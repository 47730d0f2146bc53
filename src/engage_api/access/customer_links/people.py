"""The statements on whom links are about: people belong to no workspace, so `db.system` reads across them."""

from typing import Any

from sqlalchemy import ColumnElement, and_, bindparam, case, insert, or_, select, update

from engage_api.access.accounts.emails import Email
from engage_api.access.accounts.models import AccountRow
from engage_api.access.applications.models import APPLICATION, ApplicationRow
from engage_api.access.customer_links.models import ACCOUNT_LINK, AccountLink, AccountLinkRow, CustomerAccountRow
from engage_api.access.organizations.models import ORGANIZATION, OrganizationRow
from engage_api.access.worlds import LIVE
from engage_api.core import clock
from engage_api.core.principal import Principal
from engage_api.db.engine import Database, Transaction
from engage_api.db.sql import Query

PERSON = CustomerAccountRow.__table__  # type: ignore[attr-defined]
_link = AccountLinkRow.__table__  # type: ignore[attr-defined]
_application = ApplicationRow.__table__  # type: ignore[attr-defined]
_organization = OrganizationRow.__table__  # type: ignore[attr-defined]
_account = AccountRow.__table__  # type: ignore[attr-defined]


def linked(place: ColumnElement[str], account: ColumnElement[str]) -> ColumnElement[bool]:
    """Whether an account is linked there, for an application that the statement has joined with its organization.

    Those links count that its organization asked for, where that sees the workspace, else its own: `add` says the same
    of a principal.
    """
    sees = or_(place != LIVE, _organization.c.kind == "internal")
    asks = case((sees, _application.c.organization_id), else_=_application.c.id)
    return and_(PERSON.c.workspace_id == place, PERSON.c.account_id == account, PERSON.c.asked_by == asks)


_ADD = Query(insert(PERSON), [c.name for c in PERSON.columns])
_CLAIM = Query(
    update(PERSON)
    .where(
        PERSON.c.workspace_id == bindparam("at_workspace"),
        PERSON.c.link_id == bindparam("at_link"),
        PERSON.c.account_id.is_(None),
    )
    .values(account_id=bindparam("account"))
)
_OF_CUSTOMER = Query(
    select(_link.c.id).where(
        _link.c.workspace_id == bindparam("workspace"), _link.c.customer_id == bindparam("customer")
    )
)
_CUSTOMER = Query(
    select(PERSON.c.customer_id)
    .join_from(PERSON, _application, _application.c.id == bindparam("application"))
    .join(_organization, _organization.c.id == _application.c.organization_id)
    .where(PERSON.c.workspace_id == bindparam("workspace"), linked(PERSON.c.workspace_id, bindparam("account")))
)
_joined = (
    select(
        PERSON.c.workspace_id,
        PERSON.c.email,
        PERSON.c.account_id,
        _link.c.document,
        _application.c.document.label("application"),
        _organization.c.document.label("organization"),
    )
    .join_from(PERSON, _link, (_link.c.workspace_id == PERSON.c.workspace_id) & (_link.c.id == PERSON.c.link_id))
    .join(_application, _application.c.id == _link.c.made_by)
    .join(_organization, _organization.c.id == _application.c.organization_id)
)
_open = _link.c.expires_at.is_(None) | (_link.c.expires_at > bindparam("now"))
_ONE = Query(_joined.where(PERSON.c.workspace_id == bindparam("workspace"), PERSON.c.link_id == bindparam("id"), _open))
_MEANT = Query(
    _joined.join(
        _account,
        or_(
            _account.c.id == PERSON.c.account_id,
            (_account.c.folded == PERSON.c.folded) & PERSON.c.account_id.is_(None),
        ),
    )
    .where(_account.c.id == bindparam("account"), _account.c.confirmed_at.is_not(None), _open)
    .order_by(_link.c.created_at, _link.c.id)
    .limit(bindparam("most"))
)
_ENDED = Query(
    select(_link.c.workspace_id, _link.c.id)
    .outerjoin(PERSON, (PERSON.c.workspace_id == _link.c.workspace_id) & (PERSON.c.link_id == _link.c.id))
    .where(or_(_link.c.expires_at <= bindparam("now"), PERSON.c.link_id.is_(None)))
    .limit(bindparam("most"))
)


class Meant:
    """A link with whom it is about and who asked for it. `agreed`: the account is linked."""

    __slots__ = ("agreed", "application", "email", "link", "organization", "workspace")

    def __init__(self, row: Any) -> None:
        self.link: AccountLink = ACCOUNT_LINK.read(row.document)
        self.workspace: str = row.workspace_id
        self.email: str = row.email
        self.agreed: bool = row.account_id is not None
        self.application = APPLICATION.read(row.application).name
        self.organization = ORGANIZATION.read(row.organization).name


async def add(tx: Transaction, principal: Principal, link: AccountLink, email: Email) -> None:
    """Write down whom a link is about, and who asks them.

    Raises:
        Conflict: the customer has one with this address.
    """
    values = {
        "workspace_id": principal.workspace,
        "link_id": link.id,
        "customer_id": link.customer_id,
        "asked_by": principal.organization if principal.sees_workspace else principal.application,
        "account_id": None,
    }
    await tx.run(_ADD, **values, email=email.typed, folded=email.folded)


async def claim(tx: Transaction, workspace: str, link_id: str, account: str) -> bool:
    """The person has agreed. True for one, however many there are at once.

    Raises:
        Conflict: they are another customer there, of who has asked.
    """
    return bool(await tx.run(_CLAIM, at_workspace=workspace, at_link=link_id, account=account))


async def of_customer(tx: Transaction, workspace: str, customer_id: str) -> list[str]:
    """The ids of all links of a customer."""
    return [row.id for row in await tx.fetch(_OF_CUSTOMER, workspace=workspace, customer=customer_id)]


async def customer_of(db: Database, account: str, workspace: str, application: str) -> str | None:
    """Which customer of a workspace this person is for an application."""
    row = await db.system.one(_CUSTOMER, None, account=account, workspace=workspace, application=application)
    return row.customer_id if row else None


async def one(db: Database, workspace: str, link_id: str) -> Meant | None:
    """A link that has not ended, or None."""
    row = await db.system.one(_ONE, None, workspace=workspace, id=link_id, now=clock.host())
    return None if row is None else Meant(row)


async def meant(db: Database, account: str, most: int) -> list[Meant]:
    """The links of this person, and those for the address that they have confirmed."""
    rows = await db.system.fetch(_MEANT, None, account=account, now=clock.host(), most=most)
    return [Meant(row) for row in rows]


async def ended(db: Database, most: int) -> list[tuple[str, str]]:
    """Links that nobody agreed to in time, and those whose account is gone, as (workspace, id)."""
    return [(row.workspace_id, row.id) for row in await db.system.fetch(_ENDED, None, now=clock.host(), most=most)]
