"""What is in a workspace goes: all of it, or what a reset begins anew."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

from sqlalchemy import ColumnElement, Table, and_, bindparam, delete, or_, select, tuple_, update

from engage_api.access.models import API_KEY, ApiKeyRow
from engage_api.core.world import working
from engage_api.db import search, world
from engage_api.db.engine import Database, Transaction
from engage_api.db.kind import Kind
from engage_api.db.row import CounterRow, EventRow
from engage_api.db.sql import Query
from engage_api.db.world import WorldRow
from engage_api.sandbox import portions, tables
from engage_api.sandbox.portions import Part, Told
from engage_api.sandbox.tables import Means

ALL = (Means.COPIED, Means.PLACED, Means.ENDED, Means.KEPT)
WORLD = (Means.COPIED, Means.PLACED, Means.ENDED)
KEYS = {"api_key": "id", "credential": "key_id"}
"""Where keys are, and by which column the events of their making name them."""
Way = Literal["all", "reset", "restore"]
_event, _counter = EventRow.__table__, CounterRow.__table__  # type: ignore[attr-defined]
_RECOUNT = Query(
    update(_counter).where(_counter.c.workspace_id == bindparam("at_workspace")).values(last=bindparam("last"))
)
_world, _key = WorldRow.__table__, ApiKeyRow.__table__  # type: ignore[attr-defined]
_here = _key.c.workspace_id == bindparam("at_workspace")
_LIMITED = Query(
    select(_key.c.id, _key.c.expires_at, _key.c.document)
    .where(_here, _key.c.expires_at.is_not(None), _key.c.id > bindparam("after"))
    .order_by(_key.c.id)
    .limit(bindparam("rows"))
)
_OUTLIVED = Query(delete(_key).where(_here, _key.c.id == bindparam("at_id")))


@dataclass(frozen=True, slots=True)
class Stays:
    """What stays: the keys whose making is in this log up to this number, and of a reset these events.

    Not those that were rotated, nor those that have expired by now.
    """

    log: str
    upto: int
    events: bool


async def nobody(_: Transaction, __: int) -> None:
    """Is told, and notes nothing."""


async def wipe(db: Database, workspace: str, *, after: int | None = None, told: Told = nobody) -> int:
    """Empty a workspace in portions; how many rows went. Whoever calls sees to it that nobody writes there.

    `after` is for a reset: the events up to this number stay, and the keys that they made; so does what belongs to the
    sandbox and not to its world. Without it nothing stays. Begun again it goes on where it was.
    """
    stays = None if after is None else Stays(workspace, after, events=True)
    with working():
        return await portions.in_turn(lambda: db.write(workspace), parts(db.dialect, workspace, stays), told)


async def wipe_at_once(tx: Transaction, workspace: str, stays: Stays | None = None) -> int:
    """The same in one transaction, for a small one."""
    return await portions.at_once(tx, parts(tx.dialect, workspace, stays))


def parts(dialect: str, workspace: str, stays: Stays | None) -> Iterator[Part]:
    """What is to be done, in its order: what refers goes before what it refers to."""
    found = [table for table in tables.ordered(*(ALL if stays is None else WORLD)) if _is_plain(table, dialect)]
    if stays is not None and stays.events:
        found.remove(_counter)
        if not stays.upto:  # no key was first: whoever shares the sandbox made theirs, and goes on with it
            found = [table for table in found if table.name not in KEYS]
    if stays is not None:
        yield _Outlived(workspace)
    kinds = {kind.table.name: kind for kind in Kind.known.values()}
    yield from (_Loosen(table, name, workspace) for table in found for name in tables.inner(table))
    yield from (_Remove(table, kinds.get(table.name), workspace, stays) for table in reversed(found))
    if stays is not None and stays.events:
        yield _Recount(workspace, stays.upto)


def _is_plain(table: Table, dialect: str) -> bool:
    """Words on SQLite go with their resources: FTS5 finds a row by its number alone."""
    return dialect != "sqlite" or table.name != tables.WORDS


@dataclass(slots=True)
class _Outlived:
    """Keys that somebody has rotated, and those that have expired by now: when the clock goes back, they would open the
    sandbox again.
    """

    workspace: str
    after: str = ""

    async def step(self, tx: Transaction, rows: int) -> int:
        now = await world.time(tx, self.workspace)
        found = await tx.fetch(_LIMITED, at_workspace=self.workspace, after=self.after, rows=rows)
        for one in found:
            self.after = one.id
            if one.expires_at <= now or API_KEY.read(one.document).replaced_by is not None:
                await tx.run(_OUTLIVED, at_workspace=self.workspace, at_id=one.id)
        return len(found)


@dataclass(slots=True)
class _Loosen:
    """Rows that refer to others of their own table do so no more."""

    table: Table
    column: str
    workspace: str

    async def step(self, tx: Transaction, rows: int) -> int:
        return await tx.run(_loosen(self.table, self.column), at_workspace=self.workspace, rows=rows)


@dataclass(slots=True)
class _Remove:
    """The rows of one table, and on SQLite the words of its resources."""

    table: Table
    kind: Kind[Any] | None
    workspace: str
    stays: Stays | None

    async def step(self, tx: Transaction, rows: int) -> int:
        values: dict[str, Any] = {"at_workspace": self.workspace, "rows": rows}
        way = "all"
        if self.stays is not None:
            way = "reset" if self.stays.events else "restore"
            values |= {"log": self.stays.log, "upto": self.stays.upto}
        if self.kind is None or tx.dialect != "sqlite":
            return await tx.run(_remove(self.table, way), **values)
        found = await tx.fetch(_next(self.table, way), **values)
        if found:
            for row in found:
                await tx.late(search.REMOVE, workspace=self.workspace, number=search.number(self.workspace, row.id))
            await tx.run(_remove(self.table, way), **values)
        return len(found)


@dataclass(slots=True)
class _Recount:
    """The log goes on after what stayed."""

    workspace: str
    after: int

    async def step(self, tx: Transaction, rows: int) -> int:  # noqa: ARG002  # there is one
        await tx.run(_RECOUNT, at_workspace=self.workspace, last=self.after)
        return 0


def _goes(table: Table, way: Way) -> ColumnElement[bool]:
    """Which rows go: those of the workspace, but for what stays."""
    mine = table.c.workspace_id == bindparam("at_workspace")
    if way == "reset" and table is _event:
        return and_(mine, or_(table.c.sequence > bindparam("upto"), table.c.sequence.is_(None)))
    if way != "all" and table.name in KEYS:
        made = select(_event.c.subject).where(
            _event.c.workspace_id == bindparam("log"),
            _event.c.type == API_KEY.event("created"),
            _event.c.sequence <= bindparam("upto"),
        )
        first = select(_world.c.first_key).where(
            _world.c.workspace_id == bindparam("at_workspace"), _world.c.first_key.is_not(None)
        )
        key = table.c[KEYS[table.name]]
        return and_(mine, key.not_in(made), key.not_in(first))
    return mine


@lru_cache(maxsize=128)
def _next(table: Table, way: Way) -> Query:
    columns = tables.place(table)
    return Query(select(*columns).where(_goes(table, way)).order_by(*columns).limit(bindparam("rows")))


@lru_cache(maxsize=128)
def _remove(table: Table, way: Way) -> Query:
    columns = tuple(table.primary_key.columns)
    found = select(*columns).where(_goes(table, way)).order_by(*columns).limit(bindparam("rows"))
    return Query(delete(table).where(tuple_(*columns).in_(found)))


@lru_cache(maxsize=16)
def _loosen(table: Table, column: str) -> Query:
    columns = tuple(table.primary_key.columns)
    bound = (table.c.workspace_id == bindparam("at_workspace"), table.c[column].is_not(None))
    found = select(*columns).where(*bound).limit(bindparam("rows"))
    return Query(update(table).where(tuple_(*columns).in_(found)).values({column: None}))
