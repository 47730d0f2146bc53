"""Whether a stored resource says the same everywhere: its document, columns, terms, words and events."""

import json
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from sqlalchemy import select, text

from engage_api.app import KINDS
from engage_api.db import Database, Query, search
from engage_api.db.kind import Kind
from engage_api.db.row import EventRow, TermRow

_term, _event = TermRow.__table__, EventRow.__table__  # type: ignore[attr-defined]
_TERMS = Query(select(_term))
_EVENTS = Query(select(_event.c.workspace_id, _event.c.subject, _event.c.data, _event.c.sequence).order_by(_event.c.n))
_WORDS = Query(
    text("SELECT workspace_id, resource_id, words FROM search"),
    postgres=text("SELECT workspace_id, resource_id, array_to_string(tsvector_to_array(words), ' ') FROM search"),
)
NOT_WORTH_AN_EVENT = {"lastUsedAt"}
Place = tuple[str, str]


class Stored:
    """All that a database holds."""

    def __init__(self) -> None:
        self.resources: list[tuple[Kind[Any], Any]] = []
        self.terms: dict[Place, set[str]] = defaultdict(set)
        self.words: dict[Place, set[str]] = {}
        self.events: dict[Place, list[bytes]] = defaultdict(list)
        self.numbers: dict[str, list[int]] = defaultdict(list)


async def stored(db: Database) -> Stored:
    found, system = Stored(), db.system
    for kind in KINDS:
        found.resources += [(kind, row) for row in await system.fetch(Query(select(kind.table)), None)]
    for row in await system.fetch(_TERMS, None):
        found.terms[row.workspace_id, row.resource_id].add(row.term)
    for workspace, resource, words in await system.raw(_WORDS, None):
        found.words[workspace, resource] = set(words.split(" "))
    for row in await system.fetch(_EVENTS, None):
        found.events[row.workspace_id, row.subject].append(row.data)
        found.numbers[row.workspace_id].append(row.sequence)
    return found


def divergences(found: Stored) -> list[str]:
    """Every way in which one place says otherwise than another."""
    wrong = [f"{kind.name} {row.id}: {what}" for kind, row in found.resources for what in _of(found, kind, row)]
    known = {(row.workspace_id, row.id) for _, row in found.resources}
    wrong += [f"terms of nothing: {place}" for place in found.terms.keys() - known]
    wrong += [f"words of nothing: {place}" for place in found.words.keys() - known]
    for workspace, numbers in found.numbers.items():
        if sorted(numbers) != list(range(1, len(numbers) + 1)):
            wrong.append(f"the log of {workspace} has gaps or doubles")
    return wrong


def _of(found: Stored, kind: Kind[Any], row: Any) -> Iterator[str]:
    place, model = (row.workspace_id, row.id), kind.read(row.document)
    if row.rendered != kind.schema or row.document != kind.render(model):
        yield "the document is not what would be rendered"
    columns = {**kind.columns(model), **{name: getattr(model, name) for name in _same(kind)}}
    differing = [name for name, value in columns.items() if getattr(row, name) != value]
    if differing:
        yield f"columns differ from the document: {differing}"
    if set(json.loads(row.document)) != _keys(kind):
        yield "the keys of the document are not those of the response model"
    for sort, column in kind.sorts.items():
        if row.document == kind.render(model) and kind.place(row.document, sort) != (getattr(row, column), row.id):
            yield f"it does not say where it stands in the order of {sort}"
    if found.terms.get(place, set()) != kind.all_terms(model):
        yield "terms differ"
    words = list(kind.words(model))
    fresh = search.parameters(row.workspace_id, kind.name, row.id, words)["words"] if words else None
    if found.words.get(place) != (None if fresh is None else set(str(fresh).split(" "))):
        yield "words differ"
    events = found.events[place]
    if len(events) != row.version:
        yield f"{len(events)} events for version {row.version}"
    if not events or _said(events[-1]) != _said(row.document):
        yield "the last event says something else"


def _same(kind: Kind[Any]) -> list[str]:
    return [name for name in ("id", "version", "created_at", "updated_at") if name in kind.table.c]


def _keys(kind: Kind[Any]) -> set[str]:
    return {field.serialization_alias or field.alias or name for name, field in kind.public.model_fields.items()}


def _said(document: bytes) -> dict[str, Any]:
    return {name: value for name, value in json.loads(document).items() if name not in NOT_WORTH_AN_EVENT}
