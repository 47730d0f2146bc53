"""A workspace that files are imported into, and what is in it afterwards."""

import io
import json
import os
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import bindparam, select

from engage_api.cases.models import CASE, Case
from engage_api.cases.tasks.models import TASK, Task
from engage_api.core.principal import Principal
from engage_api.customers.models import CUSTOMER, Customer
from engage_api.db import Database, Query
from engage_api.db.kind import Kind
from engage_api.db.row import EventRow
from engage_api.imports import catalogue
from engage_api.imports.mapping import Mapping
from engage_api.imports.readers.csv import Table
from engage_api.imports.report import Report
from engage_api.imports.service import KINDS, Import

ROOT = Path(__file__).parents[2]
SAMPLES = Path(os.environ.get("ENGAGE_DATA_SAMPLES", ROOT.parent / "shared" / "data"))
RECEIPT = SAMPLES / "receipt.csv"
LINES, CASES, TASKS, DELIVERED = 8577, 1434, 8577, 1329
CHANNELS = {"web": 1250, "desk": 109, "letter": 53, "email": 21, "internal": 1}

_event = EventRow.__table__  # type: ignore[attr-defined]
_EVENTS = Query(
    select(_event).where(_event.c.workspace_id == bindparam("workspace")).order_by(_event.c.n, _event.c.sequence)
)

TICKETS = """
of: cases
zone: Europe/Amsterdam
case:
  fields:
    externalId: ticket
    type: {constant: ticket}
    title: {text: "Ticket {ticket}"}
    channel: {column: by, values: {mail: email, site: web}}
    receivedAt: {column: opened, time: "%Y-%m-%d %H:%M"}
    metadata: {team: team}
  begins: in-progress
  states:
    - {to: delivered, when: closed, at: {column: closed, time: "%Y-%m-%d %H:%M"}}
task:
  fields:
    externalId: step
    title: what
    assignee: who
  states:
    - {to: completed, when: done, at: {column: done, time: [iso]}}
"""
HEADER = "ticket,by,opened,closed,team,step,what,who,done"
FIRST = "T1,mail,2026-03-01 09:00,,red,S1,Look,Ann,2026-03-01T10:00:00+01:00"
SECOND = "T1,mail,2026-03-01 09:00,,red,S2,Answer,Bob,2026-03-02T10:00:00+01:00"
CLOSED = "T2,site,2026-03-01 09:00,2026-03-05 12:30,,S3,Look,Ann,2026-03-04T10:00:00+01:00"


def at(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[arg-type, misc]  # year, month, day, hour, minute


def sheet(*lines: str, header: str = HEADER) -> str:
    return "\n".join([header, *lines]) + "\n"


def receipt() -> Path:
    """The real file, or a skip that says which."""
    if not RECEIPT.is_file():
        pytest.skip(f"needs real permit cases: no {RECEIPT.name} in $ENGAGE_DATA_SAMPLES")
    return RECEIPT


@dataclass(frozen=True)
class World:
    """One workspace, as the operator at the command line sees it."""

    db: Database
    who: Principal
    folder: Path

    async def take(self, text: str | bytes, mapping: str | Mapping = TICKETS) -> Report:
        """Import a file with this content."""
        path = self.folder / "file.csv"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return await self.take_file(
            path, catalogue.parse(mapping.encode(), "m") if isinstance(mapping, str) else mapping
        )

    async def take_file(self, path: Path, mapping: Mapping) -> Report:
        written = io.StringIO()
        report = Report(KINDS[mapping.of], written)
        with Table(path, mapping.file) as table:
            await Import(mapping, table, report).run(self.db, self.who)
        assert len({json.loads(line)["line"] for line in written.getvalue().splitlines()}) == report.refused
        return report

    async def cases(self) -> dict[str, Case]:
        return await self._all(CASE)

    async def tasks(self) -> dict[str, Task]:
        return await self._all(TASK)

    async def customers(self) -> dict[str, Customer]:
        return await self._all(CUSTOMER)

    async def _all(self, kind: Kind[Any]) -> dict[str, Any]:
        """By external id. Every document is what a fresh rendering gives."""
        t = kind.table
        query = Query(select(t.c.document).where(t.c.workspace_id == bindparam("workspace")))
        found = {}
        for row in await self.db.fetch(query, self.who.workspace, workspace=self.who.workspace):
            model = kind.read(row.document)
            assert kind.render(model) == row.document
            found[model.external_id] = model
        return found

    async def events(self) -> list[Any]:
        """All of them in their order, but for the two that every database begins with: the operator is there."""
        found = await self.db.fetch(_EVENTS, self.who.workspace, workspace=self.who.workspace)
        return [event for event in found if event.subject not in {"org_operator", "app_operator"}]

    async def told(self) -> list[str]:
        """What happened, without what it happened to: `case.created`."""
        return [event.type.removeprefix("engage.").removesuffix(".v1") for event in await self.events()]


def codes(report: Report) -> list[tuple[int, str, str | None]]:
    """The refusals: line, code, column."""
    return [(error["line"], error["code"], error.get("column")) for error in report.shown]


def created(report: Report) -> dict[str, int]:
    return {kind: counts["created"] for kind, counts in report.counts.items()}


def nothing_done(report: Report) -> bool:
    """Whether everything that was told was known."""
    return all(counts["created"] == counts["changed"] == 0 for counts in report.counts.values())


def lines(texts: Iterable[bytes]) -> bytes:
    return b"\n".join([HEADER.encode(), *texts]) + b"\n"
