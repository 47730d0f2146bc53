"""Deliveries and attempts: put on their way, looked for when they are due, and what came of them."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import and_, bindparam, case, delete, func, insert, literal_column, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert as upsert  # SQLite speaks the same

from engage_api.core import clock, ids
from engage_api.db.engine import Database, Transaction
from engage_api.db.log import Head, Line
from engage_api.db.sql import Query
from engage_api.db.world import WorldRow, has_world
from engage_api.events.webhooks.delivery_models import PENDING, WebhookAttemptRow, WebhookDeliveryRow

PORTION = 1_000  # rows that are deleted at once
KEPT = 50  # attempts of a delivery
BEYOND = "~"  # after every id

_t = WebhookDeliveryRow.__table__  # type: ignore[attr-defined]
_attempt = WebhookAttemptRow.__table__  # type: ignore[attr-defined]
_world = WorldRow.__table__  # type: ignore[attr-defined]
_pending = _t.c.state == literal_column(f"'{PENDING}'")  # literally, as the partial indexes say it
_columns = [c.name for c in _t.columns]
_here = _t.c.workspace_id == bindparam("at_workspace")
_of = (_here, _t.c.endpoint_id == bindparam("at_endpoint"))
_this = (_here, _t.c.id == bindparam("at_id"))
_settled = ("state", "tries", "due_at")
_again = {"state": PENDING, "tries": 0, "due_at": bindparam("now"), "changed_at": bindparam("now")}

_ADD = Query(upsert(_t).on_conflict_do_nothing(), _columns)
_once = ["workspace_id", "endpoint_id", "event_id"]
_REPLAY = Query(upsert(_t).on_conflict_do_update(index_elements=_once, set_=_again), [*_columns, "now"])
_AGAIN = Query(update(_t).where(*_this).values(_again))
_wanted = (_t.c.id, _t.c.event_id, _t.c.tries, _t.c.attempts, _t.c.due_at)
_DUE = Query(
    select(*_wanted)
    .where(*_of, _pending, _t.c.due_at <= bindparam("now"))
    .order_by(_t.c.due_at, _t.c.sequence)
    .limit(bindparam("most"))
)
_HEAD = Query(select(*_wanted).where(*_of, _pending).order_by(_t.c.sequence).limit(bindparam("most")))
_SOONEST = Query(select(func.min(_t.c.due_at).label("due_at")).where(*_of, _pending))
# Whoever has put it on its way (again) or cancelled it during the attempt is right: then the attempt only counts.
_same = and_(_pending, _t.c.tries == bindparam("was_tries"), _t.c.due_at == bindparam("was_due"))
_SETTLE = Query(
    update(_t)
    .where(*_this)
    .values({name: case((_same, bindparam(name, type_=_t.c[name].type)), else_=_t.c[name]) for name in _settled})
    .values(attempts=bindparam("attempts"), changed_at=bindparam("changed_at"))
)
_CANCEL_ALL = Query(update(_t).where(*_of, _pending).values(state="cancelled", changed_at=bindparam("now")))
_TRIED = Query(insert(_attempt), [c.name for c in _attempt.columns])
_OLDER = Query(
    delete(_attempt).where(
        _attempt.c.workspace_id == bindparam("at_workspace"),
        _attempt.c.delivery_id == bindparam("at_id"),
        _attempt.c.number <= bindparam("until"),
    )
)
_WAITING = Query(
    select(func.count().label("n")).select_from(
        select(_t.c.id).where(*_of, _pending).limit(bindparam("most")).subquery()
    )
)
_ONE = Query(select(_t).where(*_this))
_ATTEMPTS = Query(
    select(_attempt)
    .where(_attempt.c.workspace_id == bindparam("at_workspace"), _attempt.c.delivery_id == bindparam("at_id"))
    .order_by(_attempt.c.number)
)
_key = (_t.c.workspace_id, _t.c.id)
_FORGET = Query(delete(_t).where(tuple_(*_key).in_(select(*_key).where(*_of).limit(PORTION))))
_old = select(*_key).where(_t.c.changed_at < bindparam("before")).limit(PORTION)
_swept, _clocks = delete(_t).returning(_t.c.endpoint_id, _t.c.state), select(_world.c.workspace_id)
_SWEEP = Query(_swept.where(tuple_(*_key).in_(_old.where(_t.c.workspace_id.not_in(_clocks)))))
_SWEEP_HERE = Query(_swept.where(tuple_(*_key).in_(_old.where(_here))))
_WORLDS = Query(select(_world.c.workspace_id).order_by(_world.c.workspace_id))
_WAITS = Query(
    select(_t.c.endpoint_id, func.min(_t.c.due_at).label("due_at")).where(_here, _pending).group_by(_t.c.endpoint_id)
)


class Due(NamedTuple):
    """A delivery that is to be tried. `tries` since it was put on its way, `attempts` in all."""

    id: str
    event_id: str
    tries: int
    attempts: int
    due_at: datetime


class Settled(NamedTuple):
    """Where a delivery stands after an attempt, if nobody has changed it since it was found."""

    due: Due
    state: str
    tries: int
    attempts: int
    due_at: datetime

    def values(self) -> dict[str, Any]:
        """The same by the names of parameters."""
        now = {"state": self.state, "tries": self.tries, "attempts": self.attempts, "due_at": self.due_at}
        return now | {"at_id": self.due.id, "was_tries": self.due.tries, "was_due": self.due.due_at}


async def add(tx: Transaction, workspace: str, wanted: Iterable[tuple[str, Head]]) -> None:
    """Put events on their way to endpoints; those that are there already stay as they are."""
    await tx.many(_ADD, [_row(workspace, endpoint, line) for endpoint, line in wanted])


async def replay(tx: Transaction, workspace: str, endpoint: str, lines: Iterable[Head | Line]) -> None:
    """Put events on their way to an endpoint, whether or not they have been there."""
    now = clock.business(workspace)
    await tx.many(_REPLAY, [{**_row(workspace, endpoint, line), "now": now} for line in lines])


async def again(tx: Transaction, workspace: str, delivery_id: str) -> None:
    """Put one on its way anew, with all its attempts."""
    await tx.run(_AGAIN, at_workspace=workspace, at_id=delivery_id, now=clock.business(workspace))


async def add_test(tx: Transaction, workspace: str, endpoint: str, line: Line, *, taken: bool) -> Any:
    """Write down a test that has been made. Its row."""
    state = "delivered" if taken else "failed"
    row = {**_row(workspace, endpoint, line), "test": True, "state": state, "tries": 1, "attempts": 1}
    await tx.run(_ADD, **row)
    return await find(tx, workspace, row["id"])


def _row(workspace: str, endpoint: str, line: Head | Line) -> dict[str, Any]:
    now = clock.business(workspace)
    return {
        "workspace_id": workspace,
        "id": ids.new("whd"),
        "endpoint_id": endpoint,
        "event_id": line.id,
        "sequence": line.sequence,
        "type": line.type,
        "test": False,
        "state": PENDING,
        "tries": 0,
        "attempts": 0,
        "due_at": line.recorded_time if isinstance(line, Head) and has_world(workspace) else now,
        "created_at": now,
        "changed_at": now,
    }


async def due(db: Database, workspace: str, endpoint: str, *, ordered: bool, most: int) -> list[Due]:
    """What is to be tried now, at most so many: the first of the log that wait; in order, none before its turn."""
    now, at = clock.business(workspace), {"at_workspace": workspace, "at_endpoint": endpoint}
    if not ordered:
        return [Due(*row) for row in await db.fetch(_DUE, workspace, **at, now=now, most=most)]
    found = []
    for row in await db.fetch(_HEAD, workspace, **at, most=most):
        if row.due_at > now:
            break
        found.append(Due(*row))
    return found


async def soonest(tx: Transaction, workspace: str, endpoint: str, *, ordered: bool) -> datetime | None:
    """When something is to be tried; None when nothing waits."""
    at = {"at_workspace": workspace, "at_endpoint": endpoint}
    row = await (tx.one(_HEAD, **at, most=1) if ordered else tx.one(_SOONEST, **at))
    return None if row is None else row.due_at


async def waits(tx: Transaction, workspace: str) -> list[tuple[str, datetime]]:
    """The endpoints for which something waits, and when the first of it is to be tried."""
    return [(row.endpoint_id, row.due_at) for row in await tx.fetch(_WAITS, at_workspace=workspace)]


async def settle(tx: Transaction, workspace: str, settled: Iterable[Settled]) -> None:
    """Write down where deliveries stand."""
    common = {"at_workspace": workspace, "changed_at": clock.business(workspace)}
    await tx.many(_SETTLE, [one.values() | common for one in settled])


async def note(tx: Transaction, attempts: Sequence[dict[str, Any]]) -> None:
    """Write attempts down, by column. Of each delivery the newest are kept."""
    await tx.many(_TRIED, attempts)
    older = [(one, one["number"] - KEPT) for one in attempts if one["number"] > KEPT]
    given = [{"at_workspace": one["workspace_id"], "at_id": one["delivery_id"], "until": until} for one, until in older]
    if given:
        await tx.many(_OLDER, given)


async def waiting(tx: Transaction, workspace: str, endpoint: str, most: int) -> int:
    """How many wait for an endpoint; counted up to `most`."""
    row = await tx.one(_WAITING, at_workspace=workspace, at_endpoint=endpoint, most=most)
    return int(row.n)


async def cancel_all(tx: Transaction, workspace: str, endpoint: str) -> None:
    """What waits is not to be sent: nobody may see it any more."""
    await tx.run(_CANCEL_ALL, at_workspace=workspace, at_endpoint=endpoint, now=clock.business(workspace))


async def find(tx: Transaction, workspace: str, delivery_id: str) -> Any:
    """The row of a delivery, or None."""
    return await tx.one(_ONE, at_workspace=workspace, at_id=delivery_id)


async def read(db: Database, workspace: str, delivery_id: str) -> Any:
    """The same outside of a transaction."""
    return await db.one(_ONE, workspace, at_workspace=workspace, at_id=delivery_id)


async def attempts(db: Database, workspace: str, delivery_id: str) -> list[Any]:
    """The rows of all attempts, the first one first."""
    return await db.fetch(_ATTEMPTS, workspace, at_workspace=workspace, at_id=delivery_id)


async def page(
    db: Database, workspace: str, endpoint: str, *, before: str | None, limit: int, filters: dict[str, str]
) -> list[Any]:
    """The rows of an endpoint's deliveries, the newest first, that were put down before another one."""
    given = {f"by_{name}": value for name, value in filters.items()}
    at = {"at_workspace": workspace, "at_endpoint": endpoint, "before": before or BEYOND}
    return await db.fetch(_page(tuple(sorted(filters))), workspace, **at, **given, limit=limit)


@lru_cache(maxsize=8)
def _page(names: tuple[str, ...]) -> Query:
    narrowed = [_t.c[name] == bindparam(f"by_{name}") for name in names]
    statement = select(_t).where(*_of, _t.c.id < bindparam("before"), *narrowed)
    return Query(statement.order_by(_t.c.id.desc()).limit(bindparam("limit")))


async def forget(tx: Transaction, workspace: str, endpoint: str) -> int:
    """Delete a portion of what an endpoint was sent. Returns how many."""
    return await tx.run(_FORGET, at_workspace=workspace, at_endpoint=endpoint)


async def worlds(system: Database) -> list[str]:
    """The sandboxes, which have a clock each."""
    return [row.workspace_id for row in await system.fetch(_WORLDS, None)]


async def sweep(tx: Transaction, older_than: timedelta, sandbox: str | None = None) -> list[Any]:
    """Delete a portion of what is so old: of a sandbox, or wherever time is the host's. Returns them."""
    if sandbox is None:
        return await tx.fetch(_SWEEP, before=clock.host() - older_than)
    return await tx.fetch(_SWEEP_HERE, before=clock.business(sandbox) - older_than, at_workspace=sandbox)
