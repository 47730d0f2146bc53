"""What a file says becomes rows, in a workspace that nobody can reach yet. Nothing of it is trusted."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from pydantic import ValidationError
from sqlalchemy import Table, bindparam, insert, update

from engage_api.core import event_types, world
from engage_api.core.problem import Fault, InvalidRequest
from engage_api.db import log, search, store, terms
from engage_api.db.engine import Database
from engage_api.db.kind import Kind
from engage_api.db.row import CounterRow
from engage_api.db.sql import Query
from engage_api.events.signals import LARGEST
from engage_api.events.webhooks.models import WEBHOOK_ENDPOINT
from engage_api.events.webhooks.sender import Sender
from engage_api.events.webhooks.service import MOST
from engage_api.http.problems import invalid
from engage_api.sandbox import kinds, tables
from engage_api.sandbox.copies.checks import Known
from engage_api.sandbox.copies.file_models import FILED, FiledEvent

PORTION = 50  # lines of one transaction
LONGER = 512  # bytes that the names of whose it is may make an event longer than it was
KINDS = {kind.name: kind for kind in FILED}
_counter = CounterRow.__table__  # type: ignore[attr-defined]
_COUNT = Query(insert(_counter), ["workspace_id", "last"])
_EVENT = Query(insert(log.EVENT), [*log.COLUMNS, "sequence"])


@dataclass(slots=True)
class Loader:
    """Lines, one after the other; written in portions. `made_by` is whose application everything is from now on, `room`
    how many ids it takes the room of.
    """

    db: Database
    workspace: str
    made_by: str
    sender: Sender
    known: Known = field(default_factory=Known)
    resources: int = 0
    events: int = 0
    last: int = 0
    room: int = 0
    _rows: list[tuple[Kind[Any], Any, bytes]] = field(default_factory=list)
    _events: list[dict[str, Any]] = field(default_factory=list)
    _loose: list[tuple[Table, str, str, str]] = field(default_factory=list)

    async def resource(self, name: str, document: dict[str, Any]) -> None:
        """A resource: its model says whether it is one, and renders it anew. InvalidRequest tells what is wrong."""
        kind = KINDS.get(name)
        if kind is None or not self.known.follows(FILED.index(kind)) or self.events:
            raise _wrong("/kind", "There is no such kind, or it comes before another one.")
        if kind is WEBHOOK_ENDPOINT:
            if len(self.known.ids.get(name, ())) >= MOST:
                raise _wrong("/kind", f"An application has {MOST} webhook endpoints at most.")
            self.sender.require(str(document.get("url", "")))
            document |= {"applicationId": self.made_by, "state": "disabled", "stateReason": "unsigned"}
        try:
            raw = json.dumps(document, ensure_ascii=False)
            model = kind.public.model_validate_json(raw, strict=True, extra="forbid", by_name=False)
        except ValidationError as error:
            raise _within(invalid(error), "/document") from None
        self.known.add(kind, model)
        self._rows.append((kind, model, kind.render(model)))
        self.resources, self.room = self.resources + 1, self.room + 1
        await self._portion()

    async def event(self, event: FiledEvent) -> None:
        """An event; those before it are there without a gap."""
        number = int(event.sequence)
        if self.events and number != self.last + 1:
            raise _wrong("/event/sequence", "It is not the next one.")
        if event.id in self.known.events:
            raise _wrong("/event/id", "Another event has it.")
        self.known.events.add(event.id)
        self._events.append(self._line(event, number))
        self.last, self.events = number, self.events + 1
        await self._portion()

    def _line(self, event: FiledEvent, number: int) -> dict[str, Any]:
        data = json.dumps(event.data, ensure_ascii=False, separators=(",", ":")).encode()
        _require_event(event.type, data)
        self.room += 1 + world.heavy(max(0, len(data) - LONGER))
        return {
            "workspace_id": self.workspace,
            "id": event.id,
            "type": event.type,
            "subject": event.subject,
            "time": event.time,
            "recorded_time": event.recordedtime,
            "actor": event.actor,
            "made_by": self.made_by,
            "data": data,
            "sequence": number,
        }

    async def _portion(self) -> None:
        if len(self._rows) + len(self._events) >= PORTION:
            await self.flush()

    async def flush(self) -> None:
        """Write down what was read."""
        async with self.db.write(self.workspace) as tx:
            for kind, model, document in self._rows:
                await tx.run(store.insertion(kind), **self._values(kind, model, document))
                same = {"workspace_id": self.workspace, "resource_id": model.id, "created_at": model.created_at}
                if found := sorted(kind.all_terms(model)):
                    await tx.run(terms.ADD, **same, terms=found)
                if words := sorted(kind.words(model)):
                    await tx.late(search.PUT, **search.parameters(self.workspace, kind.name, model.id, words))
            if self._events:
                await tx.many(_EVENT, self._events)
        self._rows, self._events = [], []

    def _values(self, kind: Kind[Any], model: Any, document: bytes) -> dict[str, Any]:
        values: dict[str, Any] = {"workspace_id": self.workspace, "made_by": self.made_by, "document": document}
        values |= {name: getattr(model, name) for name in ("id", "version", "created_at", "updated_at")}
        values |= {"rendered": kind.schema, **kind.columns(model)}
        for name in tables.inner(kind.table):
            if values[name] is not None:  # which of the two comes first in the file says nothing
                self._loose.append((kind.table, name, model.id, values[name]))
                values[name] = None
        return values

    async def close(self) -> None:
        """What refers to others of its kind does so now, and the log goes on after its last event."""
        await self.flush()
        for some in _portions(self._loose):
            async with self.db.write(self.workspace) as tx:
                for table, name, row_id, to in some:
                    await tx.run(_tie(table, name), at_workspace=self.workspace, at_id=row_id, to=to)
        async with self.db.write(self.workspace) as tx:
            await tx.run(_COUNT, workspace_id=self.workspace, last=self.last)


def _portions(whole: list[Any]) -> Iterator[list[Any]]:
    return (whole[at : at + PORTION] for at in range(0, len(whole), PORTION))


@lru_cache(maxsize=8)
def _tie(table: Table, name: str) -> Query:
    mine = (table.c.workspace_id == bindparam("at_workspace"), table.c.id == bindparam("at_id"))
    return Query(update(table).where(*mine).values({name: bindparam("to")}))


def _require_event(type_: str, data: bytes) -> None:
    """An event of a kind that there is, with what such a kind is; or a signal."""
    if event_types.matches("x.*", type_):
        if len(data) > LARGEST:
            raise _wrong("/event/data", f"It should have at most {LARGEST} bytes.")
        return
    found = kinds.of_type(type_)
    if found is None:
        raise _wrong("/event/type", "There is no such type of event.")
    try:
        found[0].read(data)
    except ValidationError as error:
        raise _within(invalid(error), "/event/data") from None


def _wrong(pointer: str, told: str) -> InvalidRequest:
    return InvalidRequest(errors=[Fault("invalid", told, pointer=pointer)])


def _within(problem: InvalidRequest, place: str) -> InvalidRequest:
    faults = [Fault(one.code, one.detail, pointer=f"{place}{one.pointer or ''}") for one in problem.errors]
    return InvalidRequest(errors=faults)
