"""The event log: one line with every change, written in the same transaction."""

import json
from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import bindparam, insert, select
from sqlalchemy.dialects.postgresql import insert as upsert  # SQLite speaks the same

from engage_api.core import clock, ids
from engage_api.core.principal import Principal
from engage_api.db.engine import Database, Transaction
from engage_api.db.row import CounterRow, EventRow
from engage_api.db.sql import Query
from engage_api.db.visibility import Audience, audience, visible, whose

EVENT = EventRow.__table__  # type: ignore[attr-defined]
_counter = CounterRow.__table__  # type: ignore[attr-defined]
COLUMNS = [c.name for c in EVENT.columns if c.name not in ("n", "sequence")]

_APPEND = Query(insert(EVENT), COLUMNS)
_APPEND_NUMBERED = Query(insert(EVENT), [*COLUMNS, "sequence"])
_NEXT = Query(
    upsert(_counter)
    .values(workspace_id=bindparam("workspace_id"), last=1)
    .on_conflict_do_update(index_elements=["workspace_id"], set_={"last": _counter.c.last + 1})
    .returning(_counter.c.last)
)


class Entry(NamedTuple):
    """A line for the log: what happened to which resource, when, and its document. `made_by` made the resource."""

    kind: str
    happened: str
    subject: str
    made_by: str
    data: bytes
    time: datetime


class Line(NamedTuple):
    """An event as it is answered: its id, and the JSON."""

    id: str
    document: bytes


async def append(tx: Transaction, principal: Principal, entry: Entry) -> None:
    """Write a line down.

    On SQLite it gets its number here, where there is one writer. On PostgreSQL the sequencer numbers it after the
    commit, because a number drawn before can become readable after a later one.
    """
    line = values(principal, entry)
    if tx.dialect == "sqlite":
        counted = await tx.one(_NEXT, workspace_id=principal.workspace)
        await tx.run(_APPEND_NUMBERED, **line, sequence=counted.last)
    else:
        await tx.run(_APPEND, **line)


def values(principal: Principal, entry: Entry) -> dict[str, Any]:
    """A line by column, with the type `engage.<kind>.<happened>.v1`; all but its number."""
    return {
        "workspace_id": principal.workspace,
        "id": ids.new("evt"),
        "type": f"engage.{entry.kind}.{entry.happened}.v1",
        "subject": entry.subject,
        "time": entry.time,
        "recorded_time": clock.business(principal.workspace),
        "actor": principal.actor,
        "made_by": entry.made_by,
        "data": entry.data,
    }


async def page(db: Database, principal: Principal, *, after: int, limit: int, filters: Mapping[str, str]) -> list[Line]:
    """Numbered events after a sequence number that the principal may see, oldest first.

    `filters` may hold `type` and `subject`. An event is here once it has been numbered, some milliseconds after its
    commit.
    """
    query = _page(audience(principal), names=tuple(sorted(filters)))
    given = {**whose(principal), **{f"by_{name}": value for name, value in filters.items()}}
    rows = await db.fetch(query, principal.workspace, **given, after=after, limit=limit)
    return [Line(row.id, _render(row, with_sequence=principal.sees_workspace)) for row in rows]


async def place(db: Database, principal: Principal, event_id: str) -> int | None:
    """The sequence number of an event, or None when there is none that the principal may see."""
    row = await db.one(_place(audience(principal)), principal.workspace, **whose(principal), id=event_id)
    return None if row is None else int(row.sequence)


def _render(row: Any, *, with_sequence: bool) -> bytes:
    """CloudEvents 1.0 in JSON.

    The number is only for those who see the whole log: gaps in it would tell of hidden events.
    """
    head = {
        "specversion": "1.0",
        "id": row.id,
        "source": "/v1",
        "type": row.type,
        "subject": row.subject,
        "time": clock.wire(row.time),
        "recordedtime": clock.wire(row.recorded_time),
        "actor": row.actor,
        "datacontenttype": "application/json",
    }
    if with_sequence:
        head["sequence"] = str(row.sequence)
    data: bytes = row.data
    return json.dumps(head, separators=(",", ":")).encode()[:-1] + b',"data":' + data + b"}"


@lru_cache(maxsize=16)
def _page(whom: Audience, *, names: tuple[str, ...]) -> Query:
    columns = [c for c in EVENT.columns if c.name not in ("workspace_id", "n", "made_by")]
    statement = select(*columns).where(*visible(EVENT, whom), EVENT.c.sequence > bindparam("after"))
    narrowed = statement.where(*(EVENT.c[name] == bindparam(f"by_{name}") for name in names))
    return Query(narrowed.order_by(EVENT.c.sequence).limit(bindparam("limit")))


@lru_cache(maxsize=2)
def _place(whom: Audience) -> Query:
    return Query(
        select(EVENT.c.sequence).where(
            *visible(EVENT, whom),
            EVENT.c.id == bindparam("id"),
            EVENT.c.sequence.is_not(None),
        )
    )
