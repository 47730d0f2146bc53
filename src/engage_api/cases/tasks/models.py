"""The task family: what a caller may say, what is answered, what is kept."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Literal

from pydantic import Field
from sqlalchemy import ForeignKeyConstraint, Index
from sqlmodel import Field as Column

from engage_api.core.model import (
    ExternalId,
    Input,
    Metadata,
    MetadataPatch,
    Model,
    Moment,
    Name,
    Reference,
    Resource,
    Text,
    needed,
    shown_as,
)
from engage_api.db.base import Instant
from engage_api.db.kind import SORTS, Equal, From, Kind, Term, Until
from engage_api.db.row import KEY, TimedRow, moments_of

TaskState = Literal["available", "active", "completed", "skipped", "failed"]
TaskKind = Literal["routine", "ad-hoc", "call", "approval"]
Overdue = Literal["true"]
Visibility = Literal["customer", "participants", "internal"]
DONE: frozenset[TaskState] = frozenset({"completed", "skipped"})
NEVER = datetime(9999, 12, 31, tzinfo=UTC)
"""Where a list sorted by due date puts what has none: at its end."""


class TaskBase(Model):
    """What is known of a task."""

    external_id: ExternalId | None = None
    title: Name = Field(description="What is to be done, in a line.", examples=["Check the floor plan"])
    description: Text | None = Field(None, description="More about it.")
    kind: TaskKind = Field("routine", description="`routine` belongs to every such case, `ad-hoc` to this one alone.")
    mode: Literal["manual", "automatic"] = Field("manual", description="Whether a person does it or a system.")
    assignee: Name | None = Field(None, description="Who does it, in your own words.", examples=["Team Permits"])
    provider: Name | None = Field(None, description="Which outside party does it.")
    visibility: Visibility = Field("participants", description="Who may see it, besides those who work on it.")
    due_at: Moment | None = Field(None, description="When it should be done.")
    deviation_reason: Text | None = Field(None, description="Why it went otherwise than planned.")
    metadata: Metadata = Field(default_factory=dict)


class TaskCreate(TaskBase, Input):
    """A new task; it starts as available."""


class TaskUpdate(Input):
    """Changes as a JSON Merge Patch: what is absent stays, what is null goes (RFC 7396)."""

    model_config = shown_as(assignee="Team Drawings", dueAt=None)

    external_id: ExternalId | None = None
    title: Name | None = needed()
    description: Text | None = None
    kind: TaskKind | None = None
    mode: Literal["manual", "automatic"] | None = None
    assignee: Name | None = None
    provider: Name | None = None
    visibility: Visibility | None = None
    due_at: Moment | None = None
    deviation_reason: Text | None = None
    metadata: MetadataPatch | None = None


class TaskTransition(Input):
    """Where a task is to go."""

    model_config = shown_as(to="active")

    to: TaskState = Field(description="The state to go to.", examples=["active"])
    reason: Text | None = Field(None, description="Why. Needed to reopen a completed or skipped task.")
    result: Text | None = Field(None, description="What came of it; replaces the result of the task.")


class Task(TaskBase, Resource):
    """One step of a case."""

    id: str = Field(description="Its id, given by the service.", examples=["tsk_01kb0m5xnye0rt2e5v3h4q8zj9"])
    case_id: Reference = Field(description="The case that it is a step of.")
    state: TaskState = Field(description="Changes by a transition only.")
    state_reason: str | None = Field(description="Why it is in this state.")
    result: str | None = Field(description="What came of it.")
    started_at: Moment | None = Field(description="When it last became active.")
    completed_at: Moment | None = Field(description="When it was last completed.")
    overdue_at: Moment | None = Field(
        None,
        description="Since when it is overdue: its due date passed, and it is neither completed nor skipped. Null: it "
        "is not overdue, or not any more.",
    )


class TaskRow(TimedRow, table=True):
    """A task's row. `due_place` is where it stands in a list sorted by due date."""

    __tablename__ = "task"
    __table_args__ = (
        ForeignKeyConstraint(["workspace_id", "case_id"], ["case.workspace_id", "case.id"], name="task_case"),
        Index("task_external", "workspace_id", "external_id", unique=True),
        Index("task_created", "workspace_id", "created_at", "id"),
        Index("task_updated", "workspace_id", "updated_at", "id"),
        Index("task_due", "workspace_id", "due_place", "id"),
        Index("task_of_case", "workspace_id", "case_id", "created_at", "id"),
        Index("task_state", "workspace_id", "state", "created_at", "id"),
        Index("task_assignee", "workspace_id", "assignee", "created_at", "id"),
        moments_of("task"),
    )

    external_id: str | None = Column(default=None, sa_type=KEY)
    case_id: str = Column(sa_type=KEY)
    state: str = Column(sa_type=KEY)
    kind: str = Column(sa_type=KEY)
    mode: str = Column(sa_type=KEY)
    assignee: str | None = Column(default=None, sa_type=KEY)
    visibility: str = Column(sa_type=KEY)
    due_at: datetime | None = Column(default=None, sa_type=Instant)
    due_place: datetime = Column(sa_type=Instant)


def _columns(task: Task) -> dict[str, Any]:
    same = ("external_id", "case_id", "state", "kind", "mode", "assignee", "visibility", "due_at")
    return {**{name: getattr(task, name) for name in same}, "due_place": task.due_at or NEVER}


def _terms(task: Task) -> Iterator[tuple[str, str]]:
    if task.overdue_at:
        yield "overdue", "true"


def _moment(task: Task) -> datetime | None:
    return None if task.state in DONE or task.overdue_at else task.due_at


def _words(task: Task) -> Iterator[str]:
    yield task.title
    yield from (text for text in (task.assignee, task.provider) if text)


TASK = Kind(
    "task",
    "tsk",
    Task,
    TaskRow,
    _columns,
    _words,
    _terms,
    filters={
        "state": Equal("state"),
        "kind": Equal("kind"),
        "mode": Equal("mode"),
        "assignee": Equal("assignee"),
        "case_id": Equal("case_id"),
        "due_from": From("due_at"),
        "due_until": Until("due_at"),
        "overdue": Term("overdue"),
    },
    sorts={**SORTS, "dueAt": "due_place"},
    schema=2,
    happens={
        "created": "A task of a case was made.",
        "updated": "Fields of the task changed.",
        "available": "The task can be taken up again.",
        "active": "Somebody works on the task.",
        "completed": "The task was completed.",
        "skipped": "The task was skipped.",
        "failed": "The task failed.",
        "overdue": "The task's due date passed, and it is neither completed nor skipped.",
    },
    moment=_moment,
)
