"""The statements on accounts, their tokens and their sessions. All of it crosses workspaces, so `db.system` runs it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, delete, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from engage_api.access.accounts.emails import Email
from engage_api.access.accounts.models import AccountRow, AccountSessionRow, AccountTokenRow
from engage_api.access.accounts.outside.models import OutsideIdentityRow
from engage_api.access.oauth.models import OauthConsentRow
from engage_api.core import clock, ids
from engage_api.db.engine import Database, Transaction
from engage_api.db.sql import Query

_account = AccountRow.__table__  # type: ignore[attr-defined]
_token = AccountTokenRow.__table__  # type: ignore[attr-defined]
_session = AccountSessionRow.__table__  # type: ignore[attr-defined]
_outside = OutsideIdentityRow.__table__  # type: ignore[attr-defined]
_consent = OauthConsentRow.__table__  # type: ignore[attr-defined]

_new = insert(_account)  # SQLite says it the same way
_ACCOUNT_COLUMNS = [c.name for c in _account.columns]
_SIGN_UP = Query(
    _new.on_conflict_do_update(
        index_elements=["folded"],
        set_={name: getattr(_new.excluded, name) for name in ("email", "name", "password", "created_at")},
        where=_account.c.confirmed_at.is_(None) & _account.c.disabled_at.is_(None),
    ),
    _ACCOUNT_COLUMNS,
)
_BY_ADDRESS = Query(select(_account).where(_account.c.folded == bindparam("folded")))
_BY_ID = Query(select(_account).where(_account.c.id == bindparam("id")))
_ALL = Query(select(_account).order_by(_account.c.created_at, _account.c.id))
_unchanged = (
    _account.c.id == bindparam("at_id"),
    _account.c.password == bindparam("known"),
    _account.c.disabled_at.is_(None),
)
_ENTER = Query(
    update(_account)
    .where(*_unchanged, _account.c.confirmed_at.is_not(None))
    .values(signed_in_at=bindparam("now"), password=bindparam("kept"))
)
_CONFIRM = Query(
    update(_account).where(*_unchanged).values(confirmed_at=bindparam("now"), signed_in_at=bindparam("now"))
)
_REPLACE = Query(update(_account).where(*_unchanged).values(password=bindparam("new")))
_RESET = Query(
    update(_account)
    .where(_account.c.id == bindparam("at_id"), _account.c.disabled_at.is_(None))
    .values(password=bindparam("new"), confirmed_at=bindparam("now"))
)
_DISABLE = Query(update(_account).where(_account.c.id == bindparam("at_id")).values(disabled_at=bindparam("at")))
_REMOVE = Query(delete(_account).where(_account.c.id == bindparam("at_id")))

_ADD_TOKEN = Query(insert(_token), [c.name for c in _token.columns])
_live = (
    _token.c.fingerprint == bindparam("mark"),
    _token.c.purpose == bindparam("purpose"),
    _token.c.expires_at > bindparam("now"),
)
_OF_TOKEN = Query(select(_account).join_from(_token, _account, _account.c.id == _token.c.account_id).where(*_live))
_CLAIM = Query(delete(_token).where(*_live))
_DROP_TOKENS = Query(delete(_token).where(_token.c.account_id == bindparam("account_id")))

_ADD_SESSION = Query(insert(_session), [c.name for c in _session.columns])
_fresh = (_session.c.expires_at > bindparam("now"), _session.c.last_seen_at > bindparam("idle"))
_WHO = Query(
    select(
        _account.c.id,
        _account.c.email,
        _account.c.name,
        _session.c.id.label("session"),
        _session.c.last_seen_at,
    )
    .join_from(_session, _account, _account.c.id == _session.c.account_id)
    .where(_session.c.fingerprint == bindparam("mark"), *_fresh, _account.c.disabled_at.is_(None))
)
_SEEN = Query(
    update(_session)
    .where(_session.c.id == bindparam("at_id"), _session.c.last_seen_at < bindparam("before"))
    .values(last_seen_at=bindparam("now"))
)
_HOLD = Query(
    update(_session)
    .where(_session.c.id == bindparam("at_id"))
    .values(last_seen_at=bindparam("now"))
    .returning(_session.c.created_at)
)
_SESSIONS = Query(
    select(_session)
    .where(_session.c.account_id == bindparam("account_id"), *_fresh)
    .order_by(_session.c.created_at.desc(), _session.c.id.desc())
    .limit(bindparam("most"))
)
_of_account = _session.c.account_id == bindparam("account_id")
_END_ONE = Query(delete(_session).where(_of_account, _session.c.id == bindparam("at_id")))
_END_OTHERS = Query(delete(_session).where(_of_account, _session.c.id != bindparam("kept_id")))
_END_MARKED = Query(delete(_session).where(_session.c.fingerprint == bindparam("mark")))

_DISCONNECT = Query(delete(_outside).where(_outside.c.account_id == bindparam("account_id")))
_FORBID = Query(delete(_consent).where(_consent.c.account_id == bindparam("account_id")))

_SWEEP_TOKENS = Query(delete(_token).where(_token.c.expires_at <= bindparam("now")))
_SWEEP_SESSIONS = Query(
    delete(_session).where(or_(_session.c.expires_at <= bindparam("now"), _session.c.last_seen_at <= bindparam("idle")))
)
_SWEEP_ACCOUNTS = Query(
    delete(_account).where(_account.c.confirmed_at.is_(None), _account.c.created_at < bindparam("before"))
)


async def sign_up(tx: Transaction, email: Email, name: str, password: str) -> bool:
    """Write a new account, or write anew one that nobody has confirmed. False when the address has its person."""
    values: dict[str, Any] = dict.fromkeys(_ACCOUNT_COLUMNS)
    values |= {"id": ids.new("acc"), "email": email.typed, "folded": email.folded, "name": name, "password": password}
    return bool(await tx.run(_SIGN_UP, **values | {"created_at": clock.host()}))


async def by_address(db: Database, folded: str) -> Any:
    """The row of an account, or None."""
    return await db.system.one(_BY_ADDRESS, None, folded=folded)


async def by_id(db: Database, account: str) -> Any:
    """The row of an account, or None."""
    return await db.system.one(_BY_ID, None, id=account)


async def everybody(db: Database) -> list[Any]:
    """The rows of all accounts, the oldest first."""
    return await db.system.fetch(_ALL, None)


async def enter(tx: Transaction, row: Any, better: str | None) -> bool:
    """Note a sign-in, with a better hash if there is one. False when the password was changed since `row` was read."""
    now = clock.host()
    return bool(await tx.run(_ENTER, at_id=row.id, known=row.password, now=now, kept=better or row.password))


async def confirm(tx: Transaction, row: Any) -> bool:
    """The address is theirs. False when the password was changed since `row` was read."""
    return bool(await tx.run(_CONFIRM, at_id=row.id, known=row.password, now=clock.host()))


async def replace(tx: Transaction, row: Any, password: str) -> bool:
    """Another password. False when it was changed since `row` was read."""
    return bool(await tx.run(_REPLACE, at_id=row.id, known=row.password, new=password))


async def reset(tx: Transaction, account: str, password: str) -> bool:
    """Another password for who reads the mails of the address, which is thereby confirmed. False when disabled."""
    return bool(await tx.run(_RESET, at_id=account, new=password, now=clock.host()))


async def disable(tx: Transaction, account: str, at: datetime | None) -> bool:
    """Let nobody in, or let them in again (None). False when there is no such account."""
    return bool(await tx.run(_DISABLE, at_id=account, at=at))


async def remove(tx: Transaction, account: str) -> bool:
    """Delete an account with its tokens and sessions. False when there is none."""
    return bool(await tx.run(_REMOVE, at_id=account))


async def add_token(tx: Transaction, mark: bytes, account: str, purpose: str, expires_at: datetime) -> None:
    """Remember what a link is known by."""
    await tx.run(_ADD_TOKEN, fingerprint=mark, account_id=account, purpose=purpose, expires_at=expires_at)


async def of_token(db: Database, mark: bytes, purpose: str) -> Any:
    """The row of the account that a link belongs to, or None when it has been used or has expired."""
    return await db.system.one(_OF_TOKEN, None, mark=mark, purpose=purpose, now=clock.host())


async def claim(tx: Transaction, mark: bytes, purpose: str) -> bool:
    """Use a link up. True for one caller, however many there are at once."""
    return bool(await tx.run(_CLAIM, mark=mark, purpose=purpose, now=clock.host()))


async def drop_tokens(tx: Transaction, account: str) -> None:
    """No link of this account works any more."""
    await tx.run(_DROP_TOKENS, account_id=account)


async def add_session(tx: Transaction, values: dict[str, Any]) -> None:
    """Remember a session."""
    await tx.run(_ADD_SESSION, **values)


async def who(db: Database, mark: bytes, idle: datetime) -> Any:
    """Whose session this is and when it was last seen, or None. `idle`: one not seen since then has ended."""
    return await db.system.one(_WHO, None, mark=mark, now=clock.host(), idle=idle)


async def seen(tx: Transaction, session: str, before: datetime) -> None:
    """Note that a session is used, unless that was noted since `before`."""
    await tx.run(_SEEN, at_id=session, before=before, now=clock.host())


async def hold(tx: Transaction, session: str) -> datetime | None:
    """Keep a session from ending before this transaction does. When it began; None when it has ended."""
    row = await tx.one(_HOLD, at_id=session, now=clock.host())
    return row.created_at if row else None


async def sessions(db: Database, account: str, idle: datetime, most: int) -> list[Any]:
    """The rows of the sessions of an account, the newest first."""
    now = clock.host()
    return await db.system.fetch(_SESSIONS, None, account_id=account, now=now, idle=idle, most=most)


async def end_session(tx: Transaction, account: str, session: str) -> bool:
    """End one session of this account. False when it has none like it."""
    return bool(await tx.run(_END_ONE, account_id=account, at_id=session))


async def end_sessions(tx: Transaction, account: str, *, kept: str = "") -> int:
    """End the sessions of an account, but for one if told so. Returns how many."""
    return await tx.run(_END_OTHERS, account_id=account, kept_id=kept)


async def shut_out(tx: Transaction, account: str) -> None:
    """End whatever lets anybody in but the password: sessions, then what a session can have made (who holds one holds
    this up): sign-ins elsewhere, and what applications may do, with their tokens.
    """
    await end_sessions(tx, account)
    await tx.run(_DISCONNECT, account_id=account)
    await tx.run(_FORBID, account_id=account)


async def end_marked(tx: Transaction, marks: Sequence[bytes]) -> None:
    """End the sessions of these cookies."""
    for mark in marks:
        await tx.run(_END_MARKED, mark=mark)


async def sweep(tx: Transaction, idle: datetime, unconfirmed: datetime) -> int:
    """Delete what has ended, and accounts made before `unconfirmed` that nobody confirmed. Returns how many rows."""
    now = clock.host()
    done = await tx.run(_SWEEP_TOKENS, now=now) + await tx.run(_SWEEP_SESSIONS, now=now, idle=idle)
    return done + await tx.run(_SWEEP_ACCOUNTS, before=unconfirmed)
