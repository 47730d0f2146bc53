"""The case family: what a caller may say, what is answered, what is kept."""

from collections.abc import Iterator
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field
from sqlalchemy import ForeignKeyConstraint, Index
from sqlmodel import Field as Column

from engage_api.cases.parts import Decision, InformationNeeded, Participant
from engage_api.cases.tasks.models import NEVER, Task, TaskCreate, Visibility
from engage_api.core.model import (
    ExternalId,
    Input,
    Metadata,
    MetadataPatch,
    Model,
    Moment,
    Name,
    Partly,
    Reference,
    Resource,
    Text,
    Word,
    needed,
    shown_as,
)
from engage_api.customers.models import Channel, Customer
from engage_api.db.base import Instant
from engage_api.db.kind import SORTS, Equal, From, Kind, Term, Until
from engage_api.db.row import KEY, TimedRow, moments_of

CaseState = Literal["received", "accepted", "in-progress", "waiting", "delivered", "confirmed", "withdrawn", "rejected"]
OWED: frozenset[CaseState] = frozenset({"received", "accepted", "in-progress", "waiting"})
"""States in which a case is still to be delivered."""
WaitingFor = Literal["customer", "partner", "suspended"]
Triage = Literal["standard", "tailored"]


class CaseBase(Model):
    """What is known of a case."""

    external_id: ExternalId | None = None
    type: Word = Field(description="What kind of case it is.", examples=["building-permit"])
    title: Name = Field(description="What it is about, in a line.", examples=["Dormer at the back of the house"])
    description: Text | None = Field(None, description="More about it.")
    customer_id: Reference | None = Field(None, description="For whom the case is.")
    parent_id: Reference | None = Field(
        None, description="The case that this one is a part of. Up to 20 stand above a case, and never itself."
    )
    channel: Channel = Field("web", description="How it came in.")
    triage: Triage = Field("standard", description="Whether the usual way will do, or the case needs a way of its own.")
    visibility: Visibility = Field("customer", description="Who may see it, besides those who work on it.")
    information_needed: list[InformationNeeded] = Field(
        default_factory=list, max_length=50, description="What must come in before the case can go on."
    )
    participants: list[Participant] = Field(
        default_factory=list, max_length=50, description="Who else has a part in it."
    )
    decision: Decision | None = Field(None, description="What was decided; null as long as nothing is.")
    outcome: Name | None = Field(None, description="What came of it.")
    due_at: Moment | None = Field(None, description="When it should be delivered.")
    metadata: Metadata = Field(default_factory=dict)


class CaseReplace(CaseBase, Input):
    """All that is to be known of a case, without its tasks."""

    model_config = shown_as(type="building-permit", title="Dormer at the back of the house", channel="desk")


class CaseCreate(CaseBase, Input):
    """A whole case: it is made with all its tasks, or not at all."""

    model_config = shown_as(
        externalId="permits:2026-0815",
        type="building-permit",
        title="Dormer at the back of the house",
        channel="web",
        dueAt="2027-01-15T17:00:00Z",
        participants=[{"role": "applicant", "name": "Zoë de Vries"}],
        tasks=[{"title": "Check the floor plan", "assignee": "Team Permits"}],
        metadata={"department": "General"},
    )

    received_at: Moment | None = Field(None, description="When it came in; left out: now.")
    tasks: list[TaskCreate] = Field(default_factory=list, max_length=100)


class CaseUpdate(Input):
    """Changes as a JSON Merge Patch: what is absent stays, what is null goes (RFC 7396)."""

    model_config = shown_as(triage="tailored", dueAt="2027-02-01T17:00:00Z", metadata={"department": None})

    external_id: ExternalId | None = None
    type: Word | None = needed()
    title: Name | None = needed()
    description: Text | None = None
    customer_id: Reference | None = None
    parent_id: Reference | None = None
    channel: Channel | None = None
    triage: Triage | None = None
    visibility: Visibility | None = None
    information_needed: list[InformationNeeded] | None = Field(None, max_length=50)
    participants: list[Participant] | None = Field(None, max_length=50)
    decision: Annotated[dict[str, Any], Partly(Decision)] | None = Field(None, max_length=3)
    outcome: Name | None = None
    due_at: Moment | None = None
    metadata: MetadataPatch | None = None


class CaseTransition(Input):
    """Where a case is to go."""

    model_config = shown_as(to="accepted")

    to: CaseState = Field(description="The state to go to.", examples=["accepted"])
    waiting_for: WaitingFor | None = Field(None, description="Needed with `waiting`: whose turn it is.")
    reason: Text | None = Field(None, description="Why. Needed to reopen a closed case.")
    outcome: Name | None = Field(None, description="What came of it; replaces the outcome of the case.")


class Case(CaseBase, Resource):
    """A case."""

    id: str = Field(description="Its id, given by the service.", examples=["cas_01kb0m5xnye0rt2e5v3h4q8zj9"])
    state: CaseState = Field(description="Changes by a transition only.")
    state_reason: str | None = Field(description="Why it is in this state.")
    waiting_for: WaitingFor | None = Field(description="Whose turn it is while it waits.")
    received_at: Moment = Field(description="When it came in.")
    delivered_at: Moment | None = Field(description="When it was last delivered.")
    straight_through: bool | None = Field(
        description="Whether it was delivered without a manual task; null until it is delivered."
    )
    handover_count: int = Field(ge=0, description="How often a task of it went from one person to another.")
    overdue_at: Moment | None = Field(
        None,
        description="Since when it is overdue: its due date passed, and it is neither delivered nor closed. Null: it "
        "is not overdue, or not any more.",
    )


class ExpandedCase(Case):
    """A case, with what `expand` asked for."""

    customer: Customer | None = Field(None, description="With `expand=customer`.")
    tasks: list[Task] | None = Field(None, description="With `expand=tasks`.")


class CaseRow(TimedRow, table=True):
    """A case's row. `due_place` is where it stands in a list sorted by due date."""

    __tablename__ = "case"
    __table_args__ = (
        ForeignKeyConstraint(
            ["workspace_id", "customer_id"], ["customer.workspace_id", "customer.id"], name="case_customer"
        ),
        ForeignKeyConstraint(["workspace_id", "parent_id"], ["case.workspace_id", "case.id"], name="case_parent"),
        Index("case_external", "workspace_id", "external_id", unique=True),
        Index("case_created", "workspace_id", "created_at", "id"),
        Index("case_updated", "workspace_id", "updated_at", "id"),
        Index("case_due", "workspace_id", "due_place", "id"),
        Index("case_state", "workspace_id", "state", "created_at", "id"),
        Index("case_of_customer", "workspace_id", "customer_id", "created_at", "id"),
        Index("case_of_parent", "workspace_id", "parent_id", "created_at", "id"),
        Index("case_type", "workspace_id", "type", "created_at", "id"),
        Index("case_channel", "workspace_id", "channel", "created_at", "id"),
        moments_of("case"),
    )

    external_id: str | None = Column(default=None, sa_type=KEY)
    type: str = Column(sa_type=KEY)
    state: str = Column(sa_type=KEY)
    channel: str = Column(sa_type=KEY)
    customer_id: str | None = Column(default=None, sa_type=KEY)
    parent_id: str | None = Column(default=None, sa_type=KEY)
    visibility: str = Column(sa_type=KEY)
    due_at: datetime | None = Column(default=None, sa_type=Instant)
    due_place: datetime = Column(sa_type=Instant)


def _columns(case: Case) -> dict[str, Any]:
    same = ("external_id", "type", "state", "channel", "customer_id", "parent_id", "visibility", "due_at")
    return {**{name: getattr(case, name) for name in same}, "due_place": case.due_at or NEVER}


def _words(case: Case) -> Iterator[str]:
    yield case.title
    yield from (text for text in (case.external_id, case.outcome) if text)
    yield from (participant.name for participant in case.participants)


def _terms(case: Case) -> Iterator[tuple[str, str]]:
    yield "triage", case.triage
    if case.overdue_at:
        yield "overdue", "true"


def _moment(case: Case) -> datetime | None:
    return case.due_at if case.state in OWED and not case.overdue_at else None


def _refers(case: Case) -> Iterator[str]:
    yield from (participant.customer_id for participant in case.participants if participant.customer_id)


CASE = Kind(
    "case",
    "cas",
    Case,
    CaseRow,
    _columns,
    _words,
    _terms,
    _refers,
    filters={
        "state": Equal("state"),
        "type": Equal("type"),
        "channel": Equal("channel"),
        "customer_id": Equal("customer_id"),
        "parent_id": Equal("parent_id"),
        "triage": Term("triage"),
        "due_from": From("due_at"),
        "due_until": Until("due_at"),
        "overdue": Term("overdue"),
    },
    sorts={**SORTS, "dueAt": "due_place"},
    schema=2,
    happens={
        "created": "A case was received.",
        "updated": "Fields of the case changed.",
        "accepted": "The case was accepted.",
        "in-progress": "Work on the case began, went on or was taken up again.",
        "waiting": "The case waits for somebody: see `waitingFor`.",
        "delivered": "What the case was for has been delivered.",
        "confirmed": "The customer confirmed what was delivered: the case is closed.",
        "rejected": "The case was rejected: it is closed.",
        "withdrawn": "The case was withdrawn: it is closed.",
        "overdue": "The case's due date passed, and it is neither delivered nor closed.",
    },
    moment=_moment,
)
