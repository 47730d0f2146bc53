"""The write funnel: the only place that writes resources.

One transaction holds the row, its document, its event, its terms and its words, so they cannot disagree.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, Generic, NamedTuple, cast

from sqlalchemy import bindparam, delete, insert, select, update

from engage_api.core import clock, world
from engage_api.core.principal import Principal
from engage_api.core.problem import AlreadyExists, Changed, Fault
from engage_api.db import log, postgres_create, references, search, terms
from engage_api.db.engine import Transaction
from engage_api.db.errors import Conflict
from engage_api.db.kind import Kind, P
from engage_api.db.sql import Query


@dataclass(frozen=True, slots=True)
class Stored(Generic[P]):
    """A resource as it is in the database: the model, its bytes, and the application that made it."""

    model: P
    document: bytes
    made_by: str


class Happened(NamedTuple):
    """What an event says: the last part of its type, and when it happened, if not now."""

    name: str
    time: datetime | None = None


UPDATED, DELETED = Happened("updated"), Happened("deleted")


async def create(
    tx: Transaction,
    principal: Principal,
    kind: Kind[P],
    fields: Mapping[str, Any],
    *,
    time: datetime | None = None,
    made_by: str | None = None,
) -> Stored[P]:
    """Make a resource. `fields` are validated values by field name; `time` is when it happened, if not now; `made_by`
    is whose it is, if not the application's.

    Raises:
        AlreadyExists: another resource of the workspace has its external id.
        Conflict: another constraint refused the row.
    """
    now = clock.business(principal.workspace)
    own = {"created_at": now, "updated_at": now, "version": 1}
    model = cast(
        "P", kind.public.model_construct(**{"id": world.new_id(principal.workspace, kind.prefix), **fields, **own})
    )
    stored = Stored(model, kind.render(model), made_by or principal.application)
    values, happened = _values(principal, kind, stored), Happened("created", time or now)
    if tx.waiting is not None:
        tx.waiting.put(kind, None, stored, values)
        await _tell(tx, principal, kind, stored, happened)
        return stored
    if tx.dialect == "postgresql":
        await _create_at_once(tx, principal, kind, stored, values | _event(principal, kind, stored, happened))
        return stored
    await _guarded(tx, insertion(kind), values)
    await _index(tx, principal, kind, None, model)
    await _tell(tx, principal, kind, stored, happened)
    return stored


async def _create_at_once(
    tx: Transaction, principal: Principal, kind: Kind[P], stored: Stored[P], values: dict[str, Any]
) -> None:
    model = stored.model
    found_by, words = sorted(kind.all_terms(model)), sorted(kind.words(model))
    if found_by:
        values |= {"resource_id": model.id, "terms": found_by}
    if words:
        values |= search.parameters(principal.workspace, kind.name, model.id, words)
    await _guarded(tx, postgres_create.create(kind, terms=bool(found_by), words=bool(words)), values)


async def change(
    tx: Transaction,
    principal: Principal,
    kind: Kind[P],
    was: Stored[P],
    changes: Mapping[str, Any],
    happened: Happened = UPDATED,
) -> Stored[P]:
    """Change a resource as it was read. A change that changes nothing writes nothing and makes no event.

    Raises:
        Changed: somebody changed it after it was read.
        AlreadyExists: another resource of the workspace has its external id.
    """
    if all(getattr(was.model, name) == value for name, value in changes.items()):
        return was
    now = clock.business(principal.workspace)
    model = was.model.model_copy(update={**changes, "updated_at": now, "version": was.model.version + 1})
    stored = Stored(model, kind.render(model), was.made_by)
    values = _values(principal, kind, stored)
    if tx.waiting is not None:
        tx.waiting.put(kind, was, stored, values)
    else:
        where = {"at_workspace": principal.workspace, "at_id": model.id, "at_version": was.model.version}
        if await _guarded(tx, replacement(kind), values | where) == 0:
            raise Changed
        await _index(tx, principal, kind, was.model, model)
    await _tell(tx, principal, kind, stored, happened._replace(time=happened.time or now))
    return stored


async def remove(
    tx: Transaction, principal: Principal, kind: Kind[P], was: Stored[P], happened: Happened = DELETED
) -> None:
    """Delete a resource as it was read; the event keeps its last document.

    Raises:
        Changed: somebody changed it after it was read.
        Conflict: something refers to it.
    """
    if await references.exist(tx, principal.workspace, was.model.id):
        raise Conflict("something refers to it")
    where = {"at_workspace": principal.workspace, "at_id": was.model.id, "at_version": was.model.version}
    if await tx.run(_delete(kind), **where) == 0:
        raise Changed
    await _index(tx, principal, kind, was.model, None)
    await _tell(tx, principal, kind, was, happened)


async def amend(tx: Transaction, workspace: str, kind: Kind[P], row_id: str, facts: Mapping[str, Any]) -> None:
    """Write the document anew, in its present shape and with facts about its use. Nothing happened to the resource: no
    event, and the version stays. Does nothing when the resource is gone.
    """
    row = await tx.one(_read(kind), at_workspace=workspace, at_id=row_id)
    if row is None:
        return
    model = kind.read(row.document).model_copy(update=dict(facts))
    where = {"at_workspace": workspace, "at_id": row_id, "at_version": model.version}
    await tx.run(_rerender(kind), rendered=kind.schema, document=kind.render(model), **where)


def _values(principal: Principal, kind: Kind[P], stored: Stored[P]) -> dict[str, Any]:
    model = stored.model
    return {
        "workspace_id": principal.workspace,
        "id": model.id,
        "version": model.version,
        "created_at": model.created_at,
        "updated_at": model.updated_at,
        "made_by": stored.made_by,
        "rendered": kind.schema,
        "document": stored.document,
        **kind.columns(model),
    }


async def _guarded(tx: Transaction, query: Query, values: Mapping[str, Any]) -> int:
    try:
        return await tx.run(query, **values)
    except Conflict as error:
        if error.constraint and "external" in error.constraint:
            told = "Another one of this workspace has it."
            raise AlreadyExists(errors=[Fault("taken", told, pointer="/externalId")]) from error
        raise


async def _index(tx: Transaction, principal: Principal, kind: Kind[P], old: P | None, new: P | None) -> None:
    """Bring terms and words up to date; only what changed is written."""
    some = new or old
    assert some is not None  # noqa: S101  # one of them is given by every caller
    before = kind.all_terms(old) if old else set()
    after = kind.all_terms(new) if new else set()
    same: dict[str, Any] = {
        "workspace_id": principal.workspace,
        "resource_id": some.id,
        "created_at": some.created_at,
    }
    if before - after:
        await tx.many(terms.DROP, [{**same, "term": term} for term in sorted(before - after)])
    if after - before:
        await tx.run(terms.ADD, **same, terms=sorted(after - before))
    was, now = (sorted(kind.words(model)) if model else [] for model in (old, new))
    if was != now:
        values = search.parameters(principal.workspace, kind.name, same["resource_id"], now)
        await tx.late(search.PUT if new else search.REMOVE, **values)


async def _tell(tx: Transaction, principal: Principal, kind: Kind[P], stored: Stored[P], happened: Happened) -> None:
    await log.append(tx, principal, _entry(principal, kind, stored, happened))


def _event(principal: Principal, kind: Kind[P], stored: Stored[P], happened: Happened) -> dict[str, Any]:
    line = log.values(principal, _entry(principal, kind, stored, happened))
    return {f"{postgres_create.OF_EVENT}{name}": value for name, value in line.items()}


def _entry(principal: Principal, kind: Kind[P], stored: Stored[P], happened: Happened) -> log.Entry:
    time = happened.time or clock.business(principal.workspace)
    return log.Entry(kind.event(happened.name), stored.model.id, stored.made_by, stored.document, time)


@lru_cache(maxsize=64)
def insertion(kind: Kind[Any]) -> Query:
    """Of a new row."""
    return Query(insert(kind.table), [c.name for c in kind.table.columns])


@lru_cache(maxsize=256)
def replacement(kind: Kind[Any], some: tuple[str, ...] = ()) -> Query:
    """Of a row as it was at a place, `at_…`: of all columns, or of some."""
    columns = some or [c.name for c in kind.table.columns if c.name not in ("workspace_id", "id")]
    return Query(update(kind.table).where(*_at(kind)).values({name: bindparam(name) for name in columns}))


@lru_cache(maxsize=64)
def _read(kind: Kind[Any]) -> Query:
    workspace, row_id, _ = _at(kind)
    return Query(select(kind.table.c.document).where(workspace, row_id).with_for_update())


@lru_cache(maxsize=64)
def _rerender(kind: Kind[Any]) -> Query:
    return Query(
        update(kind.table).where(*_at(kind)).values(rendered=bindparam("rendered"), document=bindparam("document"))
    )


@lru_cache(maxsize=64)
def _delete(kind: Kind[Any]) -> Query:
    return Query(delete(kind.table).where(*_at(kind)))


def _at(kind: Kind[Any]) -> list[Any]:
    columns = kind.table.c
    return [
        columns.workspace_id == bindparam("at_workspace"),
        columns.id == bindparam("at_id"),
        columns.version == bindparam("at_version"),
    ]
