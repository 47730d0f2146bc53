"""What stands beside endpoints: where the log was read to, and how it is with each receiver.

Who writes about deliveries of an endpoint locks its health first, then its job, then other rows: so no two wait for
each other, and whoever looks whether something is left to do sees all that was put down before.
"""

from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import bindparam, delete, insert, or_, select, update
from sqlalchemy.dialects.postgresql import insert as upsert  # SQLite speaks the same

from engage_api.access import holders
from engage_api.core.principal import Principal
from engage_api.db.engine import Database, Transaction
from engage_api.db.row import CounterRow, EventRow
from engage_api.db.sql import Query
from engage_api.events.webhooks import owner
from engage_api.events.webhooks.models import (
    WEBHOOK_ENDPOINT,
    WebhookCursorRow,
    WebhookEndpoint,
    WebhookEndpointRow,
    WebhookHealthRow,
)
from engage_api.events.webhooks.schedule import Health

SENDS = ("enabled", "failing")
"""States in which an endpoint is sent events."""

_counter, _event = CounterRow.__table__, EventRow.__table__  # type: ignore[attr-defined]
_cursor = WebhookCursorRow.__table__  # type: ignore[attr-defined]
_endpoint = WebhookEndpointRow.__table__  # type: ignore[attr-defined]
_health = WebhookHealthRow.__table__  # type: ignore[attr-defined]

_LAST = Query(select(_counter.c.last).where(_counter.c.workspace_id == bindparam("workspace")))
_HOLD = Query(  # a row that is there is locked, and stays as it is
    upsert(_cursor)
    .values(workspace_id=bindparam("workspace"), sequence=bindparam("first"))
    .on_conflict_do_update(index_elements=["workspace_id"], set_={"sequence": _cursor.c.sequence})
)
_BEHIND = Query(
    select(_cursor.c.workspace_id, _cursor.c.sequence, _counter.c.last)
    .join_from(_cursor, _counter, _counter.c.workspace_id == _cursor.c.workspace_id)
    .where(_counter.c.last > _cursor.c.sequence)
    .order_by(_cursor.c.workspace_id)
)
_MOVE = Query(
    update(_cursor)
    .where(_cursor.c.workspace_id == bindparam("workspace"), _cursor.c.sequence == bindparam("was"))
    .values(sequence=bindparam("to"))
)
_DROP = Query(delete(_cursor).where(_cursor.c.workspace_id == bindparam("workspace")))
_with_holder = (
    holders.of(
        _endpoint,
        _endpoint.c.id,
        _endpoint.c.version,
        _endpoint.c.document,
        _endpoint.c.made_by,
        _health.c.starts_after,
        _health.c.failures,
        _health.c.failing_since,
        _health.c.warned_at,
        _health.c.open_until,
    )
    .join(_health, (_health.c.workspace_id == _endpoint.c.workspace_id) & (_health.c.endpoint_id == _endpoint.c.id))
    .where(_endpoint.c.workspace_id == bindparam("at_workspace"))
)
_ALL = Query(_with_holder.order_by(_endpoint.c.id))
_ONE = Query(_with_holder.where(_endpoint.c.id == bindparam("at_endpoint")))
_VERSIONS = Query(select(_endpoint.c.id, _endpoint.c.version).where(_endpoint.c.workspace_id == bindparam("workspace")))
_ADD = Query(insert(_health), [c.name for c in _health.columns])
_here_too = _endpoint.c.workspace_id
_here = _health.c.workspace_id == bindparam("at_workspace")
_this = (_here, _health.c.endpoint_id == bindparam("at_endpoint"))
_states = ("failures", "failing_since", "warned_at", "open_until")
_LOCK = Query(select(*(_health.c[name] for name in _states)).where(*_this).with_for_update())
_MODEL = Query(
    select(_endpoint.c.document).where(
        _endpoint.c.workspace_id == bindparam("at_workspace"), _endpoint.c.id == bindparam("at_endpoint")
    )
)
_LOCK_ALL = Query(
    select(_health.c.endpoint_id, _health.c.open_until).where(_here).order_by(_health.c.endpoint_id).with_for_update()
)
_SENDING = Query(
    select(_endpoint.c.document, _health.c.open_until)
    .join_from(_endpoint, _health, (_health.c.workspace_id == _here_too) & (_health.c.endpoint_id == _endpoint.c.id))
    .where(_endpoint.c.workspace_id == bindparam("at_workspace"), or_(*(_endpoint.c.state == state for state in SENDS)))
    .order_by(_endpoint.c.id)
)
_PLACE = Query(select(_cursor.c.sequence).where(_cursor.c.workspace_id == bindparam("workspace")))
_new = select(_event.c.type, _event.c.recorded_time).where(_event.c.workspace_id == bindparam("workspace"))
_UNSEEN = Query(_new.where(_event.c.sequence > bindparam("after")).order_by(_event.c.sequence).limit(bindparam("most")))
_UNNUMBERED = Query(_new.where(_event.c.sequence.is_(None)).order_by(_event.c.n).limit(bindparam("most")))
_SAVE = Query(update(_health).where(*_this).values({name: bindparam(name) for name in _states}))
_START = Query(update(_health).where(*_this).values(starts_after=bindparam("starts_after")))


class Sending(NamedTuple):
    """An endpoint that is sent events, and until when it is left alone."""

    model: WebhookEndpoint
    open_until: datetime | None


class Standing(NamedTuple):
    """An endpoint, whom it hears for (None: its application may not see events now, or never again: `revoked`), and how
    its receiver does.
    """

    model: WebhookEndpoint
    version: int
    principal: Principal | None
    revoked: bool
    starts_after: int
    health: Health


class Behind(NamedTuple):
    """A workspace whose log has gone on since deliveries were made last: from where, and to where."""

    workspace: str
    sequence: int
    last: int


async def hold(tx: Transaction, workspace: str) -> int:
    """Let nobody make deliveries of this workspace until the transaction ends. The number of its last event."""
    await tx.run(_HOLD, workspace=workspace, first=await _last(tx, workspace))
    return await _last(tx, workspace)


async def _last(tx: Transaction, workspace: str) -> int:
    row = await tx.one(_LAST, workspace=workspace)
    return 0 if row is None else int(row.last)


async def behind(db: Database) -> list[Behind]:
    """All workspaces with something to do."""
    return [Behind(*row) for row in await db.system.raw(_BEHIND, None)]


async def move(tx: Transaction, place: Behind, to: int) -> bool:
    """Go on to another place, unless somebody else has. True: until the transaction ends nobody else can."""
    return bool(await tx.run(_MOVE, workspace=place.workspace, was=place.sequence, to=to))


async def drop(tx: Transaction, place: Behind) -> None:
    """Look at the log of this workspace no more: nobody wants it. The caller has moved on."""
    await tx.run(_DROP, workspace=place.workspace)


async def versions(tx: Transaction, workspace: str) -> dict[str, int]:
    """The versions of all endpoints of a workspace, by their ids."""
    return {row.id: row.version for row in await tx.fetch(_VERSIONS, workspace=workspace)}


async def every(db: Database, workspace: str) -> list[Standing]:
    """All endpoints of a workspace."""
    return [_standing(row) for row in await db.system.fetch(_ALL, None, at_workspace=workspace)]


async def every_now(tx: Transaction, workspace: str) -> list[Standing]:
    """The same as the transaction sees them."""
    return [_standing(row) for row in await tx.fetch(_ALL, at_workspace=workspace)]


async def sending(tx: Transaction, workspace: str) -> list[Sending]:
    """The endpoints of a workspace that are sent events now."""
    rows = await tx.fetch(_SENDING, at_workspace=workspace)
    return [Sending(WEBHOOK_ENDPOINT.read(row.document), row.open_until) for row in rows]


async def unseen(tx: Transaction, workspace: str, most: int) -> list[tuple[str, datetime]]:
    """The first events of a workspace that no deliveries were made of yet: their types, and when they were written."""
    place = await tx.one(_PLACE, workspace=workspace)
    if place is None:
        return []
    found = await tx.fetch(_UNSEEN, workspace=workspace, after=place.sequence, most=most)
    if tx.dialect == "postgresql" and len(found) < most:
        found += await tx.fetch(_UNNUMBERED, workspace=workspace, most=most)
    return [(row.type, row.recorded_time) for row in found]


async def one(db: Database, workspace: str, endpoint_id: str) -> Standing | None:
    """One of them, or None."""
    row = await db.system.one(_ONE, None, at_workspace=workspace, at_endpoint=endpoint_id)
    return None if row is None else _standing(row)


def _standing(row: Any) -> Standing:
    model, health = WEBHOOK_ENDPOINT.read(row.document), Health(*(getattr(row, name) for name in _states))
    revoked = row.application_state == "revoked"
    return Standing(model, row.version, owner.principal(row), revoked, row.starts_after, health)


async def add(tx: Transaction, workspace: str, endpoint_id: str, starts_after: int) -> None:
    """Of a new endpoint."""
    new = {**dict.fromkeys(_states), "failures": 0}
    await tx.run(_ADD, workspace_id=workspace, endpoint_id=endpoint_id, starts_after=starts_after, **new)


async def start(tx: Transaction, workspace: str, endpoint_id: str, after: int) -> None:
    """Send what comes after this event."""
    await tx.run(_START, **_at(workspace, endpoint_id), starts_after=after)


async def lock(tx: Transaction, workspace: str, endpoint_id: str) -> Health | None:
    """Be alone with the deliveries of an endpoint until the transaction ends. None when it is gone."""
    row = await tx.one(_LOCK, **_at(workspace, endpoint_id))
    return None if row is None else Health(*row)


async def model(tx: Transaction, workspace: str, endpoint_id: str) -> WebhookEndpoint:
    """The endpoint as it is now; its health is locked, so it is there. A statement of its own: what the one that
    waited for the lock saw beside it may be old.
    """
    row = await tx.one(_MODEL, **_at(workspace, endpoint_id))
    return WEBHOOK_ENDPOINT.read(row.document)


async def lock_all(tx: Transaction, workspace: str) -> dict[str, datetime | None]:
    """The same for all endpoints of a workspace; until when each is left alone."""
    return {row.endpoint_id: row.open_until for row in await tx.fetch(_LOCK_ALL, at_workspace=workspace)}


async def save(tx: Transaction, workspace: str, endpoint_id: str, health: Health) -> None:
    """Write down how it is; the row is locked."""
    await tx.run(_SAVE, **_at(workspace, endpoint_id), **{name: getattr(health, name) for name in _states})


def _at(workspace: str, endpoint_id: str) -> dict[str, str]:
    return {"at_workspace": workspace, "at_endpoint": endpoint_id}
