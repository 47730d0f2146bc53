"""Renders every document anew and rebuilds what finds them, in all workspaces.

For a version whose documents have another shape or whose columns, terms or words are derived otherwise, and after
restoring a backup. The service may go on meanwhile: rows are locked in small portions, each a transaction of its own,
and running it again changes nothing.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sqlalchemy import ColumnElement, Table, bindparam, func, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert  # SQLite speaks the same

from engage_api.db import search
from engage_api.db.engine import Database, Transaction
from engage_api.db.kind import Kind
from engage_api.db.sql import Query
from engage_api.db.terms import DROP
from engage_api.db.terms import TABLE as TERM

PORTION = 100  # rows in one transaction: on SQLite nobody else writes meanwhile

_NAMES = tuple(c.name for c in TERM.columns)
_ADD_TERM = Query(insert(TERM).on_conflict_do_nothing(), _NAMES)


@dataclass(slots=True)
class Tally:
    """How far it is: resources in all, looked at and written anew; terms dropped because nothing has them any more."""

    total: int = 0
    seen: int = 0
    written: int = 0
    dropped: int = 0


Told = Callable[[Tally], None]


async def run(db: Database, kinds: Iterable[Kind[Any]], told: Told = lambda _: None) -> Tally:
    """Do it for all resources of these kinds; `told` hears of every portion."""
    system, every, tally = db.system, list(kinds), Tally()
    for kind in every:
        tally.total += (await system.one(_count(kind), None)).found
    for kind in every:
        await _resources(system, kind, tally, told)
    await _terms(system, {kind.prefix: kind for kind in every}, tally)
    return tally


async def _resources(system: Database, kind: Kind[Any], tally: Tally, told: Told) -> None:
    after: dict[str, Any] = {}
    while True:
        async with system.write(None) as tx:
            rows = await tx.fetch(_portion(kind.table, goes_on=bool(after)), **after, portion=PORTION)
            for row in rows:
                tally.written += await _renewed(tx, kind, row)
        tally.seen += len(rows)
        told(tally)
        if len(rows) < PORTION:
            return
        after = _after(kind.table, rows[-1])


async def _renewed(tx: Transaction, kind: Kind[Any], row: Any) -> bool:
    """Bring one resource up to date. Whether its row had to be written."""
    model = kind.read(row.document)
    fresh = {**kind.columns(model), "rendered": kind.schema, "document": kind.render(model)}
    differs = any(getattr(row, name) != value for name, value in fresh.items())
    if differs:
        await tx.run(_write(kind), at_workspace=row.workspace_id, at_id=row.id, **fresh)
    same = {"workspace_id": row.workspace_id, "created_at": row.created_at, "resource_id": row.id}
    terms = [{**same, "term": term} for term in sorted(kind.all_terms(model))]
    if terms:
        await tx.many(_ADD_TERM, terms)
    words = list(kind.words(model))
    values = search.parameters(row.workspace_id, kind.name, row.id, words)
    await tx.late(search.PUT if words else search.REMOVE, **values)
    return differs


async def _terms(system: Database, kinds: Mapping[str, Kind[Any]], tally: Tally) -> None:
    """Drop the terms that their resource does not have any more. Those of other kinds stay as they are."""
    after: dict[str, Any] = {}
    while True:
        async with system.write(None) as tx:
            rows = await tx.fetch(_portion(TERM, goes_on=bool(after)), **after, portion=PORTION)
            known = {(row.workspace_id, row.resource_id): frozenset[str]() for row in rows}
            for workspace, resource in known:
                known[workspace, resource] = await _has(tx, kinds, workspace, resource)
            wrong = [row for row in rows if row.term not in known[row.workspace_id, row.resource_id]]
            ours = [row for row in wrong if _prefix(row.resource_id) in kinds]
            if ours:
                await tx.many(DROP, [{name: getattr(row, name) for name in _NAMES} for row in ours])
        tally.dropped += len(ours)
        if len(rows) < PORTION:
            return
        after = _after(TERM, rows[-1])


async def _has(tx: Transaction, kinds: Mapping[str, Kind[Any]], workspace: str, resource: str) -> frozenset[str]:
    """The terms of a resource; none when it is gone."""
    kind = kinds.get(_prefix(resource))
    row = None if kind is None else await tx.one(_document(kind), at_workspace=workspace, at_id=resource)
    return frozenset() if kind is None or row is None else frozenset(kind.all_terms(kind.read(row.document)))


def _prefix(resource: str) -> str:
    return resource.partition("_")[0]


def _after(table: Table, row: Any) -> dict[str, Any]:
    return {f"after_{c.name}": getattr(row, c.name) for c in table.primary_key.columns}


@lru_cache(maxsize=64)
def _portion(table: Table, *, goes_on: bool) -> Query:
    """The next rows in the order of the primary key, locked."""
    place = tuple(table.primary_key.columns)
    statement = select(*table.columns).order_by(*place).limit(bindparam("portion")).with_for_update()
    edge = tuple_(*(bindparam(f"after_{c.name}", type_=c.type) for c in place))
    return Query(statement.where(tuple_(*place) > edge) if goes_on else statement)


@lru_cache(maxsize=64)
def _count(kind: Kind[Any]) -> Query:
    return Query(select(func.count().label("found")).select_from(kind.table))


@lru_cache(maxsize=64)
def _document(kind: Kind[Any]) -> Query:
    return Query(select(kind.table.c.document).where(*_at(kind.table)).with_for_update())


@lru_cache(maxsize=64)
def _write(kind: Kind[Any]) -> Query:
    """Everything that follows from the document; not what happened to the resource."""
    kept = {"workspace_id", "id", "version", "created_at", "updated_at", "made_by"}
    names = [c.name for c in kind.table.columns if c.name not in kept]
    return Query(update(kind.table).where(*_at(kind.table)).values({name: bindparam(name) for name in names}))


def _at(table: Table) -> list[ColumnElement[bool]]:
    return [table.c.workspace_id == bindparam("at_workspace"), table.c.id == bindparam("at_id")]
