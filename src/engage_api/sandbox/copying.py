"""The world of one workspace into another: the same rows, with the other workspace in them.

Whoever calls sees to it that nobody writes in either meanwhile, that every event of the source has its number, and that
the target is empty. All of it works across workspaces, so it takes transactions of the system.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    FromClause,
    Select,
    Table,
    bindparam,
    func,
    insert,
    null,
    select,
    tuple_,
    update,
)

from engage_api.db import log, search
from engage_api.db.engine import Database, Transaction
from engage_api.db.kind import Kind
from engage_api.db.row import KEY
from engage_api.db.sql import Query
from engage_api.events.webhooks.secret_models import WebhookSecretSealRow
from engage_api.events.webhooks.secrets import Box
from engage_api.sandbox import endpoints, tables
from engage_api.sandbox.portions import Part
from engage_api.sandbox.tables import Means

_seal = WebhookSecretSealRow.__table__  # type: ignore[attr-defined]
_to = bindparam("to_workspace", type_=KEY)


@dataclass(frozen=True, slots=True)
class Way:
    """From where to where; `box` has the key that secrets of webhooks are encrypted with, each for its workspace."""

    source: str
    target: str
    box: Box

    @property
    def values(self) -> dict[str, Any]:
        return {"from_workspace": self.source, "to_workspace": self.target}


def parts(way: Way) -> Iterator[Part]:
    """What is to be done, in its order: what refers comes after what it refers to."""
    kinds = {kind.table.name: kind for kind in tables.kinds()}
    for table in tables.ordered(Means.COPIED):
        if table is _seal:
            yield endpoints.Seals(way.source, way.target, way.box)
        elif table.name != tables.WORDS:
            yield _Rows(way, table)
            yield from (_Fasten(way, table, name) for name in tables.inner(table))
        if table.name in kinds:
            yield _Words(way, kinds[table.name])


async def total(db: Database, workspace: str) -> int:
    """How many rows there are to be copied, words with their resources."""
    kinds = {kind.table for kind in tables.kinds()}
    found = 0
    for table in tables.ordered(Means.COPIED):
        if table.name != tables.WORDS:
            row = await db.one(_count(table), workspace, from_workspace=workspace)
            found += row.found * (2 if table in kinds else 1)
    return found


async def weight(tx: Transaction, workspace: str) -> int:
    """How many bytes the documents and events have that are to be copied."""
    found = 0
    for column in (log.EVENT.c.data, *(kind.table.c.document for kind in tables.kinds())):
        row = await tx.one(_weight(column), from_workspace=workspace)
        found += int(row.found or 0)
    return found


@dataclass(slots=True)
class _Walk:
    """Portions of a table, in the order of its key."""

    way: Way
    table: Table
    after: dict[str, Any] = field(default_factory=dict)

    async def edge(self, tx: Transaction, rows: int) -> dict[str, Any] | None:
        """The key of the last row of the next portion, or None when fewer are left."""
        values = {**self.way.values, **self.after, "skip": rows - 1}
        row = await tx.one(_edge(self.table, goes_on=bool(self.after)), **values)
        return None if row is None else {f"upto_{name}": value for name, value in row._asdict().items()}

    def go_on(self, edge: dict[str, Any]) -> None:
        """The next portion begins after this one."""
        self.after = {f"after_{name.removeprefix('upto_')}": value for name, value in edge.items()}


class _Rows(_Walk):
    """The rows of a table. What refers to rows of the same table follows later (`_Fasten`)."""

    async def step(self, tx: Transaction, rows: int) -> int:
        if not tables.place(self.table):
            return await tx.run(_copy(self.table, goes_on=False, ends=False), **self.way.values)
        edge = await self.edge(tx, rows)
        query = _copy(self.table, goes_on=bool(self.after), ends=edge is not None)
        done = await tx.run(query, **self.way.values, **self.after, **(edge or {}))
        if edge is None:
            return min(done, rows - 1)
        self.go_on(edge)
        return rows


@dataclass(slots=True)
class _Fasten:
    """Rows of a copied table refer to each other again."""

    way: Way
    table: Table
    column: str
    after: str = ""

    async def step(self, tx: Transaction, rows: int) -> int:
        values = {**self.way.values, "after_id": self.after}
        found = await tx.fetch(_loose(self.table, self.column), **values, rows=rows)
        if found:
            self.after = found[-1].id
            await tx.run(_fasten(self.table, self.column), **values, upto_id=self.after)
        return len(found)


class _Words:
    """The words of the resources of a kind, under the numbers that they have in the copy."""

    def __init__(self, way: Way, kind: Kind[Any]) -> None:
        self._way, self._kind, self._walk = way, kind, _Walk(way, kind.table)

    async def step(self, tx: Transaction, rows: int) -> int:
        way, after = self._way, self._walk.after
        found = await tx.fetch(_ids(self._kind.table, goes_on=bool(after)), **way.values, **after, rows=rows)
        if found:
            numbers = [search.number(way.source, row.id) for row in found]
            for row in await tx.fetch(search.KEPT, workspace=way.source, numbers=numbers):
                values = search.moved(way.source, way.target, self._kind.name, row.resource_id, row.words)
                await tx.late(search.PUT, **values)
            self._walk.after = {"after_id": found[-1].id}
        return len(found)


# ── statements ───────────────────────────────────────────────────────────────────────────────────────────────────────


def _source(table: FromClause) -> ColumnElement[bool]:
    return table.c.workspace_id == bindparam("from_workspace")


def _beyond(table: Table, name: str) -> ColumnElement[bool]:
    """The key against the parameters that begin with this name."""
    columns = tables.place(table)
    edge = tuple_(*(bindparam(f"{name}_{column.name}", type_=column.type) for column in columns))
    return tuple_(*columns) > edge if name == "after" else tuple_(*columns) <= edge


@lru_cache(maxsize=64)
def _count(table: Table) -> Query:
    return Query(select(func.count().label("found")).select_from(table).where(_source(table)))


@lru_cache(maxsize=16)
def _weight(column: Column[Any]) -> Query:
    return Query(select(func.sum(func.length(column)).label("found")).where(_source(column.table)))


@lru_cache(maxsize=64)
def _edge(table: Table, *, goes_on: bool) -> Query:
    columns = tables.place(table)
    statement = select(*columns).where(_source(table)).order_by(*columns).limit(1).offset(bindparam("skip"))
    return Query(statement.where(_beyond(table, "after")) if goes_on else statement)


@lru_cache(maxsize=128)
def _copy(table: Table, *, goes_on: bool, ends: bool) -> Query:
    names, loose = tables.columns(table), tables.inner(table)
    shown = [null().label(name) if name in loose else table.c[name] for name in names]
    statement: Select[Any] = select(_to, *shown).where(_source(table))
    if goes_on:
        statement = statement.where(_beyond(table, "after"))
    if ends:
        statement = statement.where(_beyond(table, "upto"))
    return Query(insert(table).from_select(["workspace_id", *names], statement))


def _referring(table: FromClause, column: str) -> Select[Any]:
    """Rows of the source that refer to others of their table."""
    bound = (_source(table), table.c[column].is_not(None), table.c.id > bindparam("after_id"))
    return select(table.c.id).where(*bound)


@lru_cache(maxsize=16)
def _loose(table: Table, column: str) -> Query:
    return Query(_referring(table, column).order_by(table.c.id).limit(bindparam("rows")))


@lru_cache(maxsize=16)
def _fasten(table: Table, column: str) -> Query:
    rows, source = table.alias(), table.alias()
    these = _referring(rows, column).where(rows.c.id <= bindparam("upto_id"))
    told = select(source.c[column]).where(_source(source), source.c.id == table.c.id)
    mine = (table.c.workspace_id == bindparam("to_workspace"), table.c.id.in_(these))
    return Query(update(table).where(*mine).values({column: told.scalar_subquery()}))


@lru_cache(maxsize=16)
def _ids(table: Table, *, goes_on: bool) -> Query:
    statement = select(table.c.id).where(_source(table)).order_by(table.c.id).limit(bindparam("rows"))
    return Query(statement.where(table.c.id > bindparam("after_id")) if goes_on else statement)
