"""Sessions of customers: begun by an application, known again by the guard, ended with their customer."""

import re
from datetime import timedelta
from typing import Any

from sqlalchemy import bindparam, delete, insert, select

from engage_api.access import holders
from engage_api.access.applications.models import APPLICATION, OPERATOR
from engage_api.access.customer_sessions.models import CustomerSession, CustomerSessionCreate, CustomerSessionRow
from engage_api.access.models import API_KEY
from engage_api.core import clock, ids, secret
from engage_api.core.principal import Principal
from engage_api.core.problem import Fault, InvalidRequest
from engage_api.core.scopes import Scope
from engage_api.db import world
from engage_api.db.engine import Database, Transaction
from engage_api.db.sql import Query

KIND = "customer"
"""What its token says that it is."""
SHORTEST, HOUR = timedelta(minutes=1), timedelta(hours=1)
PORTION = 1000  # rows that are swept at once

_t = CustomerSessionRow.__table__  # type: ignore[attr-defined]
_ADD = Query(insert(_t), [c.name for c in _t.columns])
_HOLDER = Query(
    holders.of(_t, _t.c.id, _t.c.customer_id, _t.c.expires_at).where(_t.c.fingerprint == bindparam("fingerprint"))
)
_here = _t.c.workspace_id == bindparam("workspace")
_END = Query(delete(_t).where(_here, _t.c.customer_id == bindparam("customer")))
_END_ONE = Query(delete(_t).where(_here, _t.c.id == bindparam("id")))
_WORKSPACES = Query(select(_t.c.workspace_id).distinct())
_SWEEP = Query(
    delete(_t).where(
        _here, _t.c.id.in_(select(_t.c.id).where(_here, _t.c.expires_at < bindparam("before")).limit(PORTION))
    )
)


async def begin(
    tx: Transaction, principal: Principal, pepper: bytes, customer_id: str, wanted: CustomerSessionCreate
) -> CustomerSession:
    """Let a customer in whom the principal sees, and who is kept until the transaction ends.

    Raises:
        InvalidRequest: it would be shorter than a minute or longer than an hour.
    """
    now, lifetime = clock.business(principal.workspace), _lifetime(wanted.lifetime)
    made = secret.make("live" if principal.live else "test", KIND)
    session = CustomerSession(
        id=ids.new("cse"),
        customer_id=customer_id,
        created_at=now,
        expires_at=now + lifetime,
        token=made.reveal(),
    )
    await tx.run(
        _ADD,
        workspace_id=principal.workspace,
        id=session.id,
        fingerprint=secret.fingerprint(pepper, made.reveal()),
        customer_id=customer_id,
        application_id=principal.application,
        key_id=principal.credential if principal.credential.startswith(f"{API_KEY.prefix}_") else None,
        created_at=now,
        expires_at=session.expires_at,
    )
    return session


async def end(tx: Transaction, principal: Principal, customer_id: str) -> None:
    """End all sessions of a customer, whoever began them."""
    await tx.run(_END, workspace=principal.workspace, customer=customer_id)


async def end_one(db: Database, workspace: str, session_id: str) -> None:
    """End one session, also of a sandbox that is busy. That it is gone already is no matter."""
    async with db.system.write(None) as tx:
        await tx.run(_END_ONE, workspace=workspace, id=session_id)


async def holder(db: Database, mark: bytes) -> Principal | None:
    """The customer whose token this is the fingerprint of, or None when there is none, or when the application that
    began the session may not act or may begin none any more.

    Crosses workspaces, as `keys.holder` does. Expiry is the caller's to check. A customer has no quota of the plan.
    """
    row = await db.system.one(_HOLDER, None, fingerprint=mark)
    if row is None or not holders.may_act(row) or not _may_begin(row):
        return None
    found = holders.principal(row, row.id, (Scope.ME_READ,), row.expires_at)
    return holders.as_customer(found, row.customer_id)


async def sweep(db: Database) -> None:
    """Forget what has expired by the time of each workspace, in portions that hold no writer up."""
    for row in await db.system.fetch(_WORKSPACES, None):
        await world.follow(db, row.workspace_id)
        last = PORTION
        while last == PORTION:
            async with db.system.write(None) as tx:
                last = await tx.run(_SWEEP, workspace=row.workspace_id, before=clock.business(row.workspace_id))


def _may_begin(row: Any) -> bool:
    """Whether the application still has the scope; the operator grants itself nothing."""
    if row.application_id == OPERATOR:
        return True
    application = APPLICATION.read(row.application)
    has = application.scopes if holders.is_test(row) else application.granted_scopes
    return Scope.CUSTOMERS_SESSIONS in has


def _lifetime(text: str) -> timedelta:
    found = re.fullmatch(r"PT(\d+)M", text)
    lifetime = timedelta(minutes=int(found[1])) if found else HOUR
    if not SHORTEST <= lifetime <= HOUR:
        raise InvalidRequest(errors=[Fault("out-of-range", "One minute to one hour.", pointer="/lifetime")])
    return lifetime
