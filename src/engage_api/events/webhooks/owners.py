"""Who is told about an endpoint: the owners of its application's organization. People are in no workspace."""

from sqlalchemy import Select, bindparam, select

from engage_api.access.accounts.models import AccountRow
from engage_api.access.applications.models import ApplicationRow
from engage_api.access.members.models import MemberRow
from engage_api.db.engine import Database
from engage_api.db.sql import Query

_account = AccountRow.__table__  # type: ignore[attr-defined]
_application = ApplicationRow.__table__  # type: ignore[attr-defined]
_member = MemberRow.__table__  # type: ignore[attr-defined]


def _owners() -> "Select[tuple[str, str]]":
    return (
        select(_account.c.id, _account.c.email)
        .join_from(_application, _member, _member.c.organization_id == _application.c.organization_id)
        .join(_account, _account.c.id == _member.c.account_id)
        .where(
            _application.c.id == bindparam("application"),
            _member.c.role == bindparam("role"),
            _account.c.disabled_at.is_(None),
        )
    )


_ALL = Query(_owners().order_by(_account.c.id))
_ONE = Query(_owners().where(_account.c.id == bindparam("account")))


async def accounts(db: Database, application: str) -> list[str]:
    """The ids of their accounts."""
    return [row.id for row in await db.system.fetch(_ALL, None, application=application, role="owner")]


async def address(db: Database, application: str, account: str) -> str | None:
    """Where one of them is reached; None when they are none any more."""
    row = await db.system.one(_ONE, None, application=application, role="owner", account=account)
    return None if row is None else row.email
