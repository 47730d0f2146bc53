"""A case and some of its tasks, written together; each change is an event that says when it happened.

States are written past the doors of the API (`cases/service.move`): a file tells what has happened already, often years
ago, so the time comes from it, and nobody is asked whether it may happen. What the log then shows is still a walk
through the state machine, because a mapping is refused whose states cannot follow each other.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Self

from engage_api.cases import overdue
from engage_api.cases.lookup import CLOSED, CaseClosed
from engage_api.cases.models import CASE, Case, CaseReplace
from engage_api.cases.service import fresh
from engage_api.cases.tasks.models import TASK, Task, TaskCreate
from engage_api.cases.tasks.service import has_manual
from engage_api.core import clock
from engage_api.core.principal import Principal
from engage_api.customers.models import CUSTOMER
from engage_api.db import reader, store
from engage_api.db.engine import Database, Transaction
from engage_api.db.kind import Kind
from engage_api.db.store import Stored
from engage_api.imports.differences import differences, reached, reaches, what_happened
from engage_api.imports.models import Outcome, Refusal, Refused, Result, Wanted

ELSEWHERE = Refusal("another-case", "The task belongs to another case already.")
CLOSED_ALREADY = Refusal(CaseClosed.code, CaseClosed.title)
NO_CUSTOMER = Refusal("unknown-reference", "There is no customer with this external id.")


@dataclass(slots=True)
class Line:
    """A line with its task, and the task of that external id that the last look found."""

    number: int
    task: Wanted | None
    found: Task | None = None


@dataclass(slots=True)
class CaseUnit:
    """A case as a file tells of it, and lines of it. `counts` is false when the case was counted before; `found` is the
    case of that external id that the last look found.
    """

    case: Wanted
    counts: bool
    lines: list[Line] = field(default_factory=list)
    found: Case | None = None
    _wrong: Refusal | None = None

    async def look(self, db: Database, who: Principal) -> Result | None:
        """Compare with what is there. The result when there is nothing to write."""
        await self._find_customer(db, who)
        steps = [line for line in self.lines if line.task]
        asked: list[tuple[Kind[Any], str]] = [(CASE, self.case.key)]
        asked += [(TASK, line.task.key) for line in steps if line.task]
        first, *others = await asyncio.gather(
            *(reader.document(db, who, kind, key, by="external_id") for kind, key in asked)
        )
        self.found = CASE.read(first) if first else None
        for line, document in zip(steps, others, strict=True):
            line.found = TASK.read(document) if document else None
        done = not self._wrong and _same(self.case, self.found) and all(map(self._settled, self.lines))
        return self._unchanged() if done else None

    async def _find_customer(self, db: Database, who: Principal) -> None:
        if self.case.customer is None:
            return
        document = await reader.document(db, who, CUSTOMER, self.case.customer, by="external_id")
        self._wrong = None if document else NO_CUSTOMER
        known = CUSTOMER.read(document).id if document else None
        self.case = replace(self.case, fields={**self.case.fields, "customer_id": known})

    async def apply(self, tx: Transaction, who: Principal) -> Result:
        """Write what differs: the case, its tasks in the order of their lines, then the state that the case reached."""
        if self._wrong or all(map(self._elsewhere, self.lines)):
            return self.refuse(self._wrong or ELSEWHERE)
        try:
            writing = await _Writing(tx, who, self).begin()
        except Refused as refused:
            return self._unchanged(refused.refusals) if _same(self.case, self.found) else self.refuse(*refused.refusals)
        for line in self.lines:
            if line.task and not self._elsewhere(line):
                await writing.put_task(line, line.task)
        return await writing.end()

    def refuse(self, *refusals: Refusal) -> Result:
        """All of its lines, refused."""
        return Result(refused=[(line.number, refusals) for line in self.lines])

    def result(self, outcome: Outcome) -> Result:
        """What became of the case, told once for all its lines."""
        refused: list[tuple[int, Sequence[Refusal]]] = [
            (line.number, [ELSEWHERE]) for line in self.lines if self._elsewhere(line)
        ]
        if not self.counts:
            return Result(refused=refused)
        return Result([("case", outcome)], refused, self.case.fields["channel"])

    def _unchanged(self, others: Sequence[Refusal] = ()) -> Result:
        """Nothing to write for the case and for the lines that are in already; the others are refused."""
        result = self.result("unchanged")
        for line in self.lines:
            if self._settled(line):
                result.outcomes += [("task", "unchanged")] if line.task else []
            elif not self._elsewhere(line):
                result.refused.append((line.number, others))
        return result

    def _settled(self, line: Line) -> bool:
        """Whether a line's task is there as the line tells of it."""
        return line.task is None or (not self._elsewhere(line) and _same(line.task, line.found))

    def _elsewhere(self, line: Line) -> bool:
        """Whether a line's task is there in another case."""
        return line.found is not None and (self.found is None or line.found.case_id != self.found.id)


def _same(wanted: Wanted, model: Case | Task | None) -> bool:
    """Whether something is there as a line tells of it."""
    try:
        return model is not None and not differences(wanted, model) and not reaches(wanted, model)
    except Refused:
        return False


class _Writing:
    """One transaction's work on one case."""

    def __init__(self, tx: Transaction, who: Principal, unit: CaseUnit) -> None:
        self._tx = tx
        self._who = who
        self._unit = unit
        self._handovers = 0
        self._manual = False  # whether there is a manual task that was not there before

    async def begin(self) -> Self:
        """The case as the file tells of it, still without the state that it reached.

        Raises:
            Refused: it is closed, so nothing about it changes.
        """
        wanted, was = self._unit.case, None
        outcome: Outcome = "created"
        if self._unit.found is not None:
            was = await reader.find(self._tx, self._who, CASE, wanted.key, by="external_id")
        if was is None:
            self._case = await self._new_case(wanted)
        elif was.model.state in CLOSED:
            raise Refused([CLOSED_ALREADY])
        else:
            changes = overdue.along(was.model, differences(wanted, was.model))
            self._case = await store.change(self._tx, self._who, CASE, was, changes)
            outcome = "unchanged" if self._case is was else "changed"
        self._result = self._unit.result(outcome)
        return self

    async def _new_case(self, wanted: Wanted) -> Stored[Case]:
        fields = {name: wanted.fields[name] for name in CaseReplace.model_fields}
        received: datetime | None = wanted.fields["received_at"]
        own = fresh() | {"state": wanted.begins, "received_at": received or clock.business(self._who.workspace)}
        return await store.create(self._tx, self._who, CASE, fields | own, time=received)

    async def put_task(self, line: Line, wanted: Wanted) -> None:
        """Make or change the task of a line, or refuse the line."""
        was = None
        if line.found is not None:
            was = await reader.find(self._tx, self._who, TASK, wanted.key, by="external_id")
        if was is None:
            await self._new_task(wanted)
            outcome: Outcome = "created"
        else:
            try:
                outcome = await self._change_task(was, wanted)
            except Refused as refused:
                self._result.refused.append((line.number, refused.refusals))
                return
        self._result.outcomes.append(("task", outcome))

    async def _new_task(self, wanted: Wanted) -> None:
        """A task is made in the state that its line tells of: nothing is known of the time before."""
        fields = {name: wanted.fields[name] for name in TaskCreate.model_fields}
        case_id = self._case.model.id
        own = {"case_id": case_id, "state_reason": None, "result": None, "started_at": None, "completed_at": None}
        await store.create(self._tx, self._who, TASK, fields | own | reached(wanted), time=wanted.at)
        self._manual |= fields["mode"] == "manual"

    async def _change_task(self, was: Stored[Task], wanted: Wanted) -> Outcome:
        changes, moves = differences(wanted, was.model), reaches(wanted, was.model)
        if was.model.assignee and changes.get("assignee"):
            self._handovers += 1
        if moves:
            changes |= {"state_reason": None, **reached(wanted)}
        changes = overdue.along(was.model, changes)
        task = await store.change(self._tx, self._who, TASK, was, changes, what_happened(wanted, moves=moves))
        return "unchanged" if task is was else "changed"

    async def end(self) -> Result:
        """What follows for the case from its state in the file and from what became of its tasks: one event at most."""
        wanted, case = self._unit.case, self._case.model
        changes: dict[str, Any] = {"handover_count": case.handover_count + self._handovers}
        moves = reaches(wanted, case)
        if moves:
            changes |= {"state_reason": None, "waiting_for": None, **reached(wanted)}
        if moves and wanted.state == "delivered":
            changes["straight_through"] = not (self._manual or await has_manual(self._tx, self._who, case.id))
        elif case.straight_through and self._manual:
            changes["straight_through"] = False
        changes, happened = overdue.along(case, changes), what_happened(wanted, moves=moves)
        ended = await store.change(self._tx, self._who, CASE, self._case, changes, happened)
        if ended is not self._case and ("case", "unchanged") in self._result.outcomes:
            self._result.outcomes[0] = ("case", "changed")
        return self._result
