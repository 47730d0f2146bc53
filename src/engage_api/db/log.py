"""The event log: one line with every change, written in the same transaction."""

import json
from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from types import SimpleNamespace
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Select, bindparam, insert, select
from sqlalchemy.dialects.postgresql import insert as upsert  # SQLite speaks the same

from engage_api.core import clock, event_types, world
from engage_api.core.principal import Principal
from engage_api.db import kept, log_types
from engage_api.db.engine import Database, Transaction
from engage_api.db.row import CounterRow, EventRow
from engage_api.db.sql import Query
from engage_api.db.visibility import Audience, audience, visible, whose

EVENT = EventRow.__table__  # type: ignore[attr-defined]
_counter = CounterRow.__table__  # type: ignore[attr-defined]
COLUMNS = [c.name for c in EVENT.columns if c.name not in ("n", "sequence")]

_APPEND = Query(insert(EVENT), COLUMNS)
_APPEND_NUMBERED = Query(insert(EVENT), [*COLUMNS, "sequence"])
_LAST = Query(select(_counter.c.last).where(_counter.c.workspace_id == bindparam("workspace_id")))
_many = bindparam("many", type_=_counter.c.last.type)
_NEXT = Query(
    upsert(_counter)
    .values(workspace_id=bindparam("workspace_id"), last=_many)
    .on_conflict_do_update(index_elements=["workspace_id"], set_={"last": _counter.c.last + _many})
    .returning(_counter.c.last)
)


class Entry(NamedTuple):
    """A line for the log: what happened to what, when, and its document. `made_by` is whose application's it is."""

    type: str
    subject: str
    made_by: str
    data: bytes
    time: datetime


class Line(NamedTuple):
    """An event as it is answered: its id, and the JSON.

    `sequence` is its number, for whoever goes on from there; `document` shows it only to those who see the whole log.
    """

    id: str
    document: bytes
    sequence: int
    type: str
    subject: str


class Head(NamedTuple):
    """An event without what it says: enough to know who wants it."""

    id: str
    sequence: int
    type: str
    subject: str
    recorded_time: datetime


async def append(tx: Transaction, principal: Principal, entry: Entry) -> None:
    """Write a line down."""
    await _append(tx, principal, values(principal, entry))


async def tell(tx: Transaction, principal: Principal, entry: Entry) -> bytes:
    """Write a line down, and answer the event as it will be read but for its number."""
    line = values(principal, entry)
    await _append(tx, principal, line)
    return _render(SimpleNamespace(**line), with_sequence=False)


async def _append(tx: Transaction, principal: Principal, line: dict[str, Any]) -> None:
    if tx.waiting is not None:
        tx.waiting.tell(line)
    else:
        await write(tx, principal.workspace, [line])


async def write(tx: Transaction, workspace: str, lines: list[dict[str, Any]]) -> None:
    """On SQLite they get their numbers here, where there is one writer. On PostgreSQL the sequencer numbers them after
    the commit, because a number drawn before can become readable after a later one.
    """
    if tx.dialect == "sqlite":
        counted = await tx.one(_NEXT, workspace_id=workspace, many=len(lines))
        first = counted.last - len(lines) + 1
        await tx.many(_APPEND_NUMBERED, [{**line, "sequence": number} for number, line in enumerate(lines, first)])
        await tx.ring("log")
    elif len(lines) == 1:
        await tx.run(_APPEND, **lines[0])
    else:
        await tx.many(_APPEND, lines)


def values(principal: Principal, entry: Entry) -> dict[str, Any]:
    """A line by column; all but its number."""
    return {
        "workspace_id": principal.workspace,
        "id": world.new_event(principal.workspace, len(entry.data)),
        "type": entry.type,
        "subject": entry.subject,
        "time": entry.time,
        "recorded_time": clock.business(principal.workspace),
        "actor": principal.actor,
        "made_by": entry.made_by,
        "data": entry.data,
    }


async def page(db: Database, principal: Principal, *, after: int, limit: int, filters: Mapping[str, str]) -> list[Line]:
    """Numbered events after a sequence number that the principal may see, oldest first.

    `filters` may hold `subject`, and `type`: a pattern (`core/event_types`). An event is here once it has been
    numbered, some milliseconds after its commit.
    """
    if db.dialect == "sqlite" and filters.keys() == {"type"} and audience(principal) == "workspace":
        found = await log_types.page(db, principal.workspace, filters["type"], after=after, limit=limit)
        if found is not None:
            return [_line(row, principal) for row in found]
    given = {f"by_{name}": value for name, value in filters.items()}
    names = set(filters)
    reach = event_types.reach(filters["type"]) if "type" in names else None
    if reach is not None:
        given |= {"from_type": reach[0], "until_type": reach[1]}
        names = names - {"type"} | {"types"}
    query = _page(audience(principal), names=tuple(sorted(names)))
    rows = await db.fetch(query, principal.workspace, **whose(principal), **given, after=after, limit=limit)
    return [_line(row, principal) for row in rows]


async def heads(db: Database, principal: Principal, *, after: int, limit: int) -> list[Head]:
    """The same events as of `page` without filters; what they say, up to 64 KB each, stays in the database."""
    rows = await db.fetch(
        _heads(audience(principal)), principal.workspace, **whose(principal), after=after, limit=limit
    )
    return [Head(*row) for row in rows]


async def one(db: Database, principal: Principal, event_id: str) -> Line | None:
    """An event that has been numbered, or None when there is none that the principal may see."""
    row = await db.one(_one(audience(principal)), principal.workspace, **whose(principal), id=event_id)
    return None if row is None else _line(row, principal)


async def last(db: Database, workspace: str) -> int:
    """The highest number that can be read in a workspace's log, whoever may see that event; 0 when there is none."""
    row = await db.one(_LAST, workspace, workspace_id=workspace)
    return 0 if row is None else int(row.last)


async def place(db: Database, principal: Principal, event_id: str) -> int | None:
    """The sequence number of an event, or None when there is none that the principal may see.

    Raises:
        EventGone: it is older than what is kept, or of a log before this one. So may be every made-up one.
    """
    row = await db.one(_place(audience(principal)), principal.workspace, **whose(principal), id=event_id)
    if row is None and await kept.is_gone(db, principal.workspace, event_id):
        raise kept.EventGone
    return None if row is None else int(row.sequence)


async def newest(db: Database, principal: Principal, *, until: int) -> str | None:
    """The id of the last event that the principal may see, up to this number; None when there is none."""
    row = await db.one(_newest(audience(principal)), principal.workspace, **whose(principal), until=until)
    return None if row is None else str(row.id)


def _line(row: Any, principal: Principal) -> Line:
    document = _render(row, with_sequence=principal.sees_workspace)
    return Line(row.id, document, row.sequence, row.type, row.subject)


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


def _visible(whom: Audience) -> Select[Any]:
    columns = [c for c in EVENT.columns if c.name not in ("workspace_id", "n", "made_by")]
    return select(*columns).where(*visible(EVENT, whom))


@lru_cache(maxsize=16)
def _page(whom: Audience, *, names: tuple[str, ...]) -> Query:
    narrowed = [clause for name in names for clause in _narrowed(name)]
    statement = _visible(whom).where(EVENT.c.sequence > bindparam("after"), *narrowed)
    return Query(statement.order_by(EVENT.c.sequence).limit(bindparam("limit")))


@lru_cache(maxsize=3)
def _heads(whom: Audience) -> Query:
    statement = select(*(EVENT.c[name] for name in Head._fields)).where(*visible(EVENT, whom))
    after = EVENT.c.sequence > bindparam("after")
    return Query(statement.where(after).order_by(EVENT.c.sequence).limit(bindparam("limit")))


def _narrowed(name: str) -> list[ColumnElement[bool]]:
    if name == "types":
        return [EVENT.c.type >= bindparam("from_type"), EVENT.c.type < bindparam("until_type")]
    return [EVENT.c[name] == bindparam(f"by_{name}")]


@lru_cache(maxsize=3)
def _one(whom: Audience) -> Query:
    return Query(_visible(whom).where(EVENT.c.id == bindparam("id"), EVENT.c.sequence.is_not(None)))


@lru_cache(maxsize=3)
def _place(whom: Audience) -> Query:
    return Query(
        select(EVENT.c.sequence).where(
            *visible(EVENT, whom),
            EVENT.c.id == bindparam("id"),
            EVENT.c.sequence.is_not(None),
        )
    )


@lru_cache(maxsize=3)
def _newest(whom: Audience) -> Query:
    found = select(EVENT.c.id).where(*visible(EVENT, whom), EVENT.c.sequence <= bindparam("until"))
    return Query(found.order_by(EVENT.c.sequence.desc()).limit(1))
