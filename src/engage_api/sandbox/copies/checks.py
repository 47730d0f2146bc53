"""What holds between the lines of a file: ids are there once, and what is referred to is there."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from engage_api.cases.models import CASE
from engage_api.cases.tasks.models import TASK
from engage_api.core.problem import Fault, InvalidRequest
from engage_api.customers.models import CUSTOMER
from engage_api.db.kind import Kind

DEEPEST = 20  # cases above a case
SUFFIX = re.compile(r"[0-7][0-9a-hjkmnp-tv-z]{25}")


@dataclass(slots=True)
class Known:
    """What was read so far, by kind."""

    ids: dict[str, set[str]] = field(default_factory=dict)
    own: set[tuple[str, str]] = field(default_factory=set)
    events: set[str] = field(default_factory=set)
    parents: dict[str, str] = field(default_factory=dict)
    merged: dict[str, str] = field(default_factory=dict)
    place: int = 0

    def follows(self, place: int) -> bool:
        """Whether a kind may come now: one after the other."""
        if place < self.place:
            return False
        self.place = place
        return True

    def add(self, kind: Kind[Any], model: Any) -> None:
        """Another resource. InvalidRequest when it cannot be there beside the others."""
        faults = list(self._faults(kind, model))
        if faults:
            raise InvalidRequest(errors=faults)
        self.ids.setdefault(kind.name, set()).add(model.id)
        if model.external_id is not None:
            self.own.add((kind.name, model.external_id))
        if kind is CASE and model.parent_id is not None:
            self.parents[model.id] = model.parent_id
        if kind is CUSTOMER and model.merged_into is not None:
            self.merged[model.id] = model.merged_into

    def _faults(self, kind: Kind[Any], model: Any) -> Iterator[Fault]:
        prefix, _, suffix = model.id.partition("_")
        if prefix != kind.prefix or not SUFFIX.fullmatch(suffix) or model.id in self.ids.get(kind.name, ()):
            yield _fault("id", "It is no id of this kind, or another one has it.")
        if model.external_id is not None and (kind.name, model.external_id) in self.own:
            yield _fault("externalId", "Another one has it.")
        for name, other, row_id in _references(kind, model):
            if row_id not in self.ids.get(other.name, ()):
                yield _fault(name, "It is not in the file, or comes later.")

    def end(self) -> list[str]:
        """What is wrong with references among one kind, which may go forward: a sentence each."""
        cases, customers = self.ids.get(CASE.name, set()), self.ids.get(CUSTOMER.name, set())
        told = [f"The parent of {one} is not in the file." for one, to in self.parents.items() if to not in cases]
        told += [
            f"The customer that {one} was merged into is not in the file."
            for one, to in self.merged.items()
            if to not in customers or to == one
        ]
        told += [f"Too many cases stand above {one}, or it is one of them." for one in self.parents if self._deep(one)]
        return told

    def _deep(self, case: str) -> bool:
        above: str | None = case
        for _ in range(DEEPEST + 1):
            above = self.parents.get(above or "")
            if above is None:
                return False
        return True


def _references(kind: Kind[Any], model: Any) -> Iterator[tuple[str, Kind[Any], str]]:
    if kind is TASK:
        yield "caseId", CASE, model.case_id
    if kind is CASE:
        if model.customer_id is not None:
            yield "customerId", CUSTOMER, model.customer_id
        for at, one in enumerate(model.participants):
            if one.customer_id is not None:
                yield f"participants/{at}/customerId", CUSTOMER, one.customer_id


def _fault(name: str, told: str) -> Fault:
    return Fault("invalid", told, pointer=f"/document/{name}")
