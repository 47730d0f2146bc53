"""The read door: resources by id, by page, by words, by number; every statement through the one rule of visibility."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple, cast

from sqlalchemy import ColumnElement, bindparam, case, exists, func, literal_column, select, tuple_
from sqlalchemy.sql import Select

from engage_api.core.principal import Principal
from engage_api.db import search
from engage_api.db.engine import Database, Transaction
from engage_api.db.kind import COMMON_FILTERS, Equal, Filter, From, Kind, P, Term, Until, Within
from engage_api.db.sql import Query
from engage_api.db.store import Stored
from engage_api.db.terms import TABLE as TERM
from engage_api.db.visibility import Audience, audience, visible, whose

MANY = 200  # resources that are read at a time where all are wanted
_driver = TERM.alias("driver")


async def document(db: Database, principal: Principal, kind: Kind[Any], row_id: str, *, by: str = "id") -> bytes | None:
    """The document of one resource, or None when there is none that this principal may see."""
    query = _by_id(kind, by, audience(principal), lock=False)
    row = await db.one_raw(query, principal.workspace, **whose(principal), id=row_id)
    return None if row is None else kind.current(row[0], row[1])


async def stored(db: Database, principal: Principal, kind: Kind[P], row_id: str) -> Stored[P] | None:
    """One resource as it is now, for whoever needs more of it than its document."""
    query = _by_id(kind, "id", audience(principal), lock=False)
    row = await db.one(query, principal.workspace, **whose(principal), id=row_id)
    return None if row is None else _stored(kind, row)


async def find(
    tx: Transaction, principal: Principal, kind: Kind[P], row_id: str, *, by: str = "id", lock: bool = True
) -> Stored[P] | None:
    """One resource inside a transaction, locked until its end on PostgreSQL; `by` may be `external_id`."""
    if tx.waiting is not None:
        if (found := tx.waiting.find(kind, row_id)) is not None:
            return cast("Stored[P]", found)
        tx = tx.waiting.stored if by == "id" else tx
    row = await tx.one(_by_id(kind, by, audience(principal), lock=lock), **whose(principal), id=row_id)
    return None if row is None else _stored(kind, row)


def _stored(kind: Kind[P], row: Any) -> Stored[P]:
    return Stored(kind.read(row.document), kind.current(row.rendered, row.document), row.made_by)


async def keep(tx: Transaction, principal: Principal, kind: Kind[Any], row_id: str) -> bool:
    """Whether the principal sees such a resource. If so, it is not deleted before the transaction ends."""
    known = tx.waiting is not None and tx.waiting.knows(row_id)
    return known or await tx.one(_kept(kind, audience(principal)), **whose(principal), id=row_id) is not None


async def has_any(tx: Transaction, principal: Principal, kind: Kind[Any], filters: Mapping[str, Any]) -> bool:
    """Whether the principal sees at least one such resource, read inside a transaction."""
    query = _page(kind, Shape(audience(principal), tuple(filters), words=False, sort="createdAt"))
    if tx.waiting is not None:
        if await tx.waiting.has_any(kind, filters):
            return True
        tx = tx.waiting.stored
    return await tx.one(query, **_parameters(principal, kind, filters), limit=1) is not None


async def number(tx: Transaction, principal: Principal, kind: Kind[Any], filters: Mapping[str, Any]) -> int:
    """How many such resources the principal sees, read inside a transaction. For lists that are known to be short."""
    query = _count(kind, Shape(audience(principal), tuple(filters), words=False))
    row = await tx.one(query, **_parameters(principal, kind, filters))
    return int(row.count)


class Ask(NamedTuple):
    """What a list was asked for: filters by name, words, a sort such as `-createdAt`, where to go on, and how many."""

    filters: Mapping[str, Any]
    words: str | None
    sort: str
    after: tuple[Any, str] | None
    limit: int


class Shape(NamedTuple):
    """What of a question decides the statement: one is built for each shape, on first use."""

    audience: Audience
    filters: tuple[str, ...]
    words: bool
    sort: str = ""
    after: bool = False


class Found(NamedTuple):
    """A page: documents as they are answered, and the place after it (sort value, id) when there is more."""

    documents: list[bytes]
    after: tuple[Any, str] | None


async def page(db: Database, principal: Principal, kind: Kind[Any], ask: Ask) -> Found:
    """One page by keyset: as fast at the millionth row as at the first."""
    values = _values(db, principal, kind, ask)
    if values is None:
        return Found([], None)
    shape = Shape(audience(principal), tuple(ask.filters), ask.words is not None, ask.sort, ask.after is not None)
    limit = ask.limit + 1
    documents = [row[0] for row in await db.raw(_page(kind, shape), principal.workspace, **values, limit=limit)]
    if not all(documents):  # some are of an older schema, and nobody has reindexed since
        rows = await db.raw(_page_of_any_age(kind, shape), principal.workspace, **values, limit=limit)
        documents = [kind.current(row[0], row[1]) for row in rows]
    more = len(documents) > ask.limit
    del documents[ask.limit :]
    return Found(documents, kind.place(documents[-1], ask.sort) if more else None)


async def every(
    db: Database, principal: Principal, kind: Kind[Any], filters: Mapping[str, Any], sort: str
) -> list[bytes]:
    """All documents, read page by page. For what is known to be short, and for the command line."""
    documents: list[bytes] = []
    after: tuple[Any, str] | None = None
    while True:
        found = await page(db, principal, kind, Ask(filters, None, sort, after, MANY))
        documents += found.documents
        if found.after is None:
            return documents
        after = found.after


async def count(db: Database, principal: Principal, kind: Kind[Any], ask: Ask) -> int:
    """How many there are in all. Costs a walk through all of them."""
    if (values := _values(db, principal, kind, ask)) is None:
        return 0
    query = _count(kind, Shape(audience(principal), tuple(ask.filters), ask.words is not None))
    row = await db.one_raw(query, principal.workspace, **values)
    return 0 if row is None else int(row[0])


def _values(db: Database, principal: Principal, kind: Kind[Any], ask: Ask) -> dict[str, Any] | None:
    """The statement's parameters; None when the words asked for hold no letter and no digit, so nothing can match."""
    values = _parameters(principal, kind, ask.filters)
    if ask.after is not None:
        values["after_place"], values["after_id"] = ask.after
    if ask.words is not None:
        values["match"] = search.match(db.dialect, principal.workspace, kind.name, ask.words)
        if values["match"] is None:
            return None
    return values


def _parameters(principal: Principal, kind: Kind[Any], filters: Mapping[str, Any]) -> dict[str, Any]:
    values: dict[str, Any] = whose(principal)
    for name, value in filters.items():
        rule = _rule(kind, name)
        values[f"by_{name}"] = kind.term(rule.name, value) if isinstance(rule, Term) else value
    return values


def _rule(kind: Kind[Any], name: str) -> Filter:
    return kind.filters.get(name) or COMMON_FILTERS[name]


@lru_cache(maxsize=128)
def _by_id(kind: Kind[Any], by: str, whom: Audience, *, lock: bool) -> Query:
    t = kind.table
    statement = select(t.c.rendered, t.c.document, t.c.made_by).where(*visible(t, whom), t.c[by] == bindparam("id"))
    return Query(statement.with_for_update() if lock else statement)


@lru_cache(maxsize=64)
def _kept(kind: Kind[Any], whom: Audience) -> Query:
    t = kind.table
    statement = select(t.c.id).where(*visible(t, whom), t.c.id == bindparam("id"))
    return Query(statement.with_for_update(read=True, key_share=True))


@lru_cache(maxsize=512)
def _page(kind: Kind[Any], shape: Shape) -> Query:
    """One column, because each costs as much as all the work on a row: the document, or NULL for one of an older
    schema.
    """
    t = kind.table
    present = case((t.c.rendered == literal_column(str(kind.schema)), t.c.document)).label("document")
    return _ordered(kind, shape, present)


@lru_cache(maxsize=64)
def _page_of_any_age(kind: Kind[Any], shape: Shape) -> Query:
    return _ordered(kind, shape, kind.table.c.rendered, kind.table.c.document)


def _ordered(kind: Kind[Any], shape: Shape, *columns: ColumnElement[Any]) -> Query:
    return Query(_sorted(kind, shape, columns, "sqlite"), postgres=_sorted(kind, shape, columns, "postgresql"))


def _sorted(kind: Kind[Any], shape: Shape, columns: Sequence[ColumnElement[Any]], dialect: str) -> Select[Any]:
    t, falling = kind.table, shape.sort.startswith("-")
    place, row_id, names = t.c[kind.sorts[shape.sort.lstrip("-")]], t.c.id, shape.filters
    statement: Select[Any] = select(*columns)
    terms = [name for name in names if isinstance(_rule(kind, name), Term)]
    if terms and place.name == "created_at":  # terms are kept in the order in which resources were made: let it drive
        names = tuple(name for name in names if name != terms[0])
        joined = (_driver.c.workspace_id == t.c.workspace_id) & (_driver.c.resource_id == t.c.id)
        statement = statement.join_from(_driver, t, joined).where(
            _driver.c.workspace_id == bindparam("workspace"), _driver.c.term == bindparam(f"by_{terms[0]}")
        )
        place, row_id = _driver.c.created_at, _driver.c.resource_id
    statement = _narrowed(kind, statement, shape._replace(filters=names), dialect)
    if shape.after:
        edge = tuple_(bindparam("after_place", type_=place.type), bindparam("after_id", type_=row_id.type))
        statement = statement.where(tuple_(place, row_id) < edge if falling else tuple_(place, row_id) > edge)
    order = (place.desc(), row_id.desc()) if falling else (place, row_id)
    return statement.order_by(*order).limit(bindparam("limit"))


@lru_cache(maxsize=256)
def _count(kind: Kind[Any], shape: Shape) -> Query:
    statement = select(func.count().label("count")).select_from(kind.table)
    return Query(_narrowed(kind, statement, shape, "sqlite"), postgres=_narrowed(kind, statement, shape, "postgresql"))


def _narrowed(kind: Kind[Any], statement: Select[Any], shape: Shape, dialect: str) -> Select[Any]:
    clauses = [_clause(kind, name) for name in shape.filters]
    statement = statement.where(*visible(kind.table, shape.audience), *clauses)
    return statement.where(kind.table.c.id.in_(search.found(dialect))) if shape.words else statement


def _clause(kind: Kind[Any], name: str) -> ColumnElement[bool]:
    rule, t, value = _rule(kind, name), kind.table, f"by_{name}"
    match rule:
        case Equal():
            return t.c[rule.column] == bindparam(value)
        case From():
            return t.c[rule.column] >= bindparam(value)
        case Until():
            return t.c[rule.column] < bindparam(value)
        case Within():
            within = bindparam(value, type_=t.c[rule.start].type)
            return (t.c[rule.start] <= within) & (t.c[rule.end] > within)
        case Term():
            return exists().where(
                TERM.c.workspace_id == t.c.workspace_id,
                TERM.c.workspace_id == bindparam("workspace"),
                TERM.c.term == bindparam(value),
                TERM.c.created_at == t.c.created_at,
                TERM.c.resource_id == t.c.id,
            )
