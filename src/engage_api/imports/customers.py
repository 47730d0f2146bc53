"""Customers from lines: one line is one customer."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from engage_api.core.principal import Principal
from engage_api.customers.models import CUSTOMER, CustomerCreate
from engage_api.db import reader, store
from engage_api.db.engine import Database, Transaction
from engage_api.imports.differences import differences, reached, reaches, what_happened
from engage_api.imports.mapping import Mapping
from engage_api.imports.models import Refusal, Refused, Result, Row, Wanted
from engage_api.imports.report import Report
from engage_api.imports.sections import Bound
from engage_api.imports.seen import Seen


class CustomerLines:
    """A mapping of customers, bound to the header of a file."""

    def __init__(self, mapping: Mapping, header: Sequence[str], seen: Seen, report: Report) -> None:
        assert mapping.customer is not None  # noqa: S101  # the mapping has been checked
        self._customer = Bound("customer", mapping.customer, CustomerCreate, header, mapping.zone)
        self._seen = seen
        self._report = report

    def units(self, rows: Iterable[Row], *, more: bool) -> list["CustomerUnit"]:  # noqa: ARG002  # as of cases
        """The customers of some lines. What cannot be read, or contradicts a line before, is refused."""
        found = []
        for row in rows:
            try:
                wanted = self._customer.read(row.cells)
                earlier = self._seen.note("customer", wanted.key, wanted.said, row.line)
                if earlier is None:
                    found.append(CustomerUnit(row.line, wanted))
                elif earlier.same:
                    self._report.repeated += 1
                else:
                    otherwise = f"Line {earlier.line} says otherwise about the same customer."
                    self._report.refuse(row.line, [Refusal("contradiction", otherwise)])
            except Refused as refused:
                self._report.refuse(row.line, refused.refusals)
        return found


@dataclass(slots=True)
class CustomerUnit:
    """A customer as a line tells of it."""

    line: int
    customer: Wanted
    _there: bool = False

    async def look(self, db: Database, who: Principal) -> Result | None:
        """Compare with what is there. The result when there is nothing to write."""
        document = await reader.document(db, who, CUSTOMER, self.customer.key, by="external_id")
        self._there = document is not None
        if document is None:
            return None
        model = CUSTOMER.read(document)
        try:
            same = not differences(self.customer, model) and not reaches(self.customer, model)
        except Refused:
            same = False
        return Result([("customer", "unchanged")]) if same else None

    async def apply(self, tx: Transaction, who: Principal) -> Result:
        """Write what differs."""
        wanted, was = self.customer, None
        if self._there:
            was = await reader.find(tx, who, CUSTOMER, wanted.key, by="external_id")
        if was is None:
            fields = {**wanted.fields, "merged_into": None, **reached(wanted)}
            await store.create(tx, who, CUSTOMER, fields, time=wanted.since)
            return Result([("customer", "created")])
        try:
            changes, moves = differences(wanted, was.model), reaches(wanted, was.model)
        except Refused as refused:
            return self.refuse(*refused.refusals)
        if moves:
            changes |= reached(wanted)
        now = await store.change(tx, who, CUSTOMER, was, changes, what_happened(wanted, moves=moves))
        return Result([("customer", "unchanged" if now is was else "changed")])

    def refuse(self, *refusals: Refusal) -> Result:
        """Its line, refused."""
        return Result(refused=[(self.line, refusals)])
