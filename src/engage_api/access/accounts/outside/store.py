"""The statements on sign-ins elsewhere. They cross workspaces as those on accounts do."""

from typing import Any

from sqlalchemy import bindparam, delete, insert, select
from sqlalchemy.dialects.postgresql import insert as upsert

from engage_api.access.accounts.emails import Email
from engage_api.access.accounts.models import AccountRow
from engage_api.access.accounts.outside.models import OutsideAttemptRow, OutsideIdentityRow
from engage_api.core import clock, ids
from engage_api.db.engine import Database, Transaction
from engage_api.db.sql import Query

_account = AccountRow.__table__  # type: ignore[attr-defined]
_identity = OutsideIdentityRow.__table__  # type: ignore[attr-defined]
_attempt = OutsideAttemptRow.__table__  # type: ignore[attr-defined]

_ADD_ATTEMPT = Query(insert(_attempt), [c.name for c in _attempt.columns])
_live = (_attempt.c.fingerprint == bindparam("mark"), _attempt.c.expires_at > bindparam("now"))
_ATTEMPT = Query(select(_attempt).where(*_live))
_CLAIM = Query(delete(_attempt).where(*_live))
_SWEEP = Query(delete(_attempt).where(_attempt.c.expires_at <= bindparam("now")))

_ADD = Query(insert(_identity), [c.name for c in _identity.columns])
_same = (_identity.c.issuer == bindparam("issuer"), _identity.c.subject == bindparam("subject"))
_WHOSE = Query(select(_account).join_from(_identity, _account, _account.c.id == _identity.c.account_id).where(*_same))
_of = (_identity.c.account_id == bindparam("account_id"), _identity.c.issuer == bindparam("issuer"))
_LINKED = Query(
    select(_identity.c.linked_at, _account.c.password)
    .join_from(_identity, _account, _account.c.id == _identity.c.account_id)
    .where(*_of)
)
_UNLINK = Query(delete(_identity).where(*_of))

_new = upsert(_account)  # SQLite says it the same way
_COLUMNS = [c.name for c in _account.columns]
_ADOPT = Query(
    _new.on_conflict_do_update(
        index_elements=["folded"],
        set_={name: getattr(_new.excluded, name) for name in ("email", "name", "password", "confirmed_at")},
        where=_account.c.confirmed_at.is_(None) & _account.c.disabled_at.is_(None),
    ),
    _COLUMNS,
)
_BY_ADDRESS = Query(select(_account).where(_account.c.folded == bindparam("folded")))


async def add_attempt(tx: Transaction, values: dict[str, Any]) -> None:
    """Remember somebody who goes to the provider."""
    await tx.run(_ADD_ATTEMPT, **values)


async def attempt(db: Database, mark: bytes) -> Any:
    """The row of an attempt that may still come back, or None."""
    return await db.system.one(_ATTEMPT, None, mark=mark, now=clock.host())


async def claim(tx: Transaction, mark: bytes) -> bool:
    """Use an attempt up. True for one caller, however many there are at once."""
    return bool(await tx.run(_CLAIM, mark=mark, now=clock.host()))


async def sweep(tx: Transaction) -> int:
    """Forget who has not come back. Returns how many."""
    return await tx.run(_SWEEP, now=clock.host())


async def whose(tx: Transaction, issuer: str, subject: str) -> Any:
    """The row of the account that is connected with this identity, or None."""
    return await tx.one(_WHOSE, issuer=issuer, subject=subject)


async def link(tx: Transaction, issuer: str, subject: str, account: str) -> None:
    """Connect an identity with an account.

    Raises:
        Conflict: it is connected already, or the account is connected with another of this provider.
    """
    await tx.run(_ADD, issuer=issuer, subject=subject, account_id=account, linked_at=clock.host())


async def linked(db: Database, issuer: str, account: str) -> Any:
    """When the account was connected with an identity of this provider, and its password; None: it is not."""
    return await db.system.one(_LINKED, None, issuer=issuer, account_id=account)


async def unlink(tx: Transaction, issuer: str, account: str) -> bool:
    """End the connection. False when there was none."""
    return bool(await tx.run(_UNLINK, issuer=issuer, account_id=account))


async def adopt(tx: Transaction, email: Email, name: str) -> Any:
    """Make a confirmed account without a password, or take one over that nobody has confirmed. Its row; None when the
    address has its person.
    """
    now = clock.host()
    values: dict[str, Any] = dict.fromkeys(_COLUMNS)
    values |= {"id": ids.new("acc"), "email": email.typed, "folded": email.folded, "name": name, "password": ""}
    if not await tx.run(_ADOPT, **values | {"created_at": now, "confirmed_at": now}):
        return None
    return await tx.one(_BY_ADDRESS, folded=email.folded)
