"""A mapping: which column becomes which field. Written in YAML, and checked before a line of a file is read."""

from typing import Annotated, ClassVar, Literal, Self

from pydantic import BeforeValidator, Field, StringConstraints, model_validator

from engage_api.cases.models import CaseCreate
from engage_api.cases.service import TRANSITIONS as CASE_TRANSITIONS
from engage_api.cases.tasks.models import TaskCreate
from engage_api.core.model import Input
from engage_api.customers.models import CustomerCreate
from engage_api.imports.places import misplaced
from engage_api.imports.sources import Column, From, Part, Shape, Timed, Zone, column


class Condition(Part):
    """A `column` that has something in it, or one of the values `among`."""

    column: Column
    among: Annotated[list[str], Field(min_length=1)] | None = None


class Move(Part):
    """A state that a line tells of: `to` which, `when` (left out: always), and `at` what time. Those of `timed`
    keep that time, so they need it.
    """

    timed: ClassVar[frozenset[str]] = frozenset()

    to: str
    when: Annotated[Condition | None, BeforeValidator(column)] = None
    at: Timed | None = None

    @model_validator(mode="after")
    def _says_when(self) -> Self:
        if self.at is None and self.to in self.timed:
            raise ValueError(f"at is missing: when was it {self.to}?")
        return self


class Section(Part):
    """What the lines say of one kind of resource: its `fields`, the state it `begins` in, and `states` it reaches; of
    those the first whose condition holds counts.
    """

    fields: dict[str, Shape]
    begins: str
    states: list[Move] = Field(default_factory=list)

    def _check(self, model: type[Input], closed: frozenset[str] = frozenset()) -> None:
        found = misplaced({name: shape.tree(lambda leaf: leaf) for name, shape in self.fields.items()}, model, closed)
        if found:
            raise ValueError("; ".join(found))


class CaseMove(Move):
    """A state that a case reaches."""

    timed = frozenset({"delivered"})

    to: Literal["accepted", "in-progress", "delivered", "rejected", "withdrawn"]


class CaseSection(Section):
    """Lines with the same `externalId` are one case. `customer` is the `externalId` of its customer."""

    begins: Literal["received", "accepted", "in-progress"] = "received"
    states: list[CaseMove] = Field(default_factory=list)  # type: ignore[assignment]  # narrower, and never written to
    customer: From | None = None

    @model_validator(mode="after")
    def _fits(self) -> Self:
        self._check(CaseCreate, frozenset({"tasks", "customerId", "parentId"}))
        wrong = [move.to for move in self.states if move.to not in {self.begins, *CASE_TRANSITIONS[self.begins]}]
        if wrong:
            raise ValueError(f"a case cannot go from {self.begins} to {', '.join(wrong)}")
        return self


class TaskMove(Move):
    """A state that a task reaches."""

    timed = frozenset({"active", "completed"})

    to: Literal["available", "active", "completed", "skipped", "failed"]


class TaskSection(Section):
    """One line is one task."""

    begins: Literal["available"] = "available"
    states: list[TaskMove] = Field(default_factory=list)  # type: ignore[assignment]  # as above

    @model_validator(mode="after")
    def _fits(self) -> Self:
        self._check(TaskCreate)
        return self


class CustomerMove(Move):
    """A state that a customer reaches."""

    to: Literal["active", "dormant", "closed"]


class CustomerSection(Section):
    """One line is one customer, who has been there `since` a time."""

    begins: Literal["prospect", "active"] = "prospect"
    states: list[CustomerMove] = Field(default_factory=list)  # type: ignore[assignment]  # as above
    since: Timed | None = None

    @model_validator(mode="after")
    def _fits(self) -> Self:
        self._check(CustomerCreate)
        return self


class Form(Part):
    """How the file is written."""

    delimiter: Annotated[str, StringConstraints(pattern=r"^[^\"\r\n\x00]$")] = ","
    encoding: Literal["utf-8", "windows-1252", "iso-8859-1", "iso-8859-15"] = "utf-8"


class Mapping(Part):
    """A whole mapping. `zone` is the time zone of times that do not say theirs."""

    of: Literal["cases", "customers"]
    about: str = ""
    file: Form = Field(default_factory=Form)
    zone: Zone | None = None
    case: CaseSection | None = None
    task: TaskSection | None = None
    customer: CustomerSection | None = None

    @model_validator(mode="after")
    def _sections(self) -> Self:
        needed, possible = ("case", {"case", "task"}) if self.of == "cases" else ("customer", {"customer"})
        given = {name for name in ("case", "task", "customer") if getattr(self, name) is not None}
        if needed not in given:
            raise ValueError(f"{needed} is missing: a mapping of {self.of} needs it")
        if given - possible:
            raise ValueError(f"{', '.join(sorted(given - possible))}: not in a mapping of {self.of}")
        return self
