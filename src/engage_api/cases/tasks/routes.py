"""Tasks over HTTP: made and listed under their case, worked on by their own id."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Response
from pydantic import Field

from engage_api.access.guard import guard
from engage_api.cases.models import CASE
from engage_api.cases.tasks import service
from engage_api.cases.tasks.models import (
    TASK,
    Overdue,
    Task,
    TaskCreate,
    TaskKind,
    TaskState,
    TaskTransition,
    TaskUpdate,
)
from engage_api.core.model import Moment, Name, Reference
from engage_api.core.scopes import Scope
from engage_api.http.call import Call
from engage_api.http.pages import SORTED, Filter, Page, ResourceQuery
from engage_api.http.route import DirectRoute
from engage_api.http.strict import json_body

PATH = "/tasks"
CLOSED = {"x-problems": ["case-closed"]}
router = APIRouter(tags=["Tasks"], route_class=DirectRoute)
Read = Annotated[Call, guard(Scope.CASES_READ)]
Write = Annotated[Call, guard(Scope.CASES_WRITE)]
NewTask = Annotated[TaskCreate, json_body(TaskCreate)]
Patch = Annotated[TaskUpdate, json_body(TaskUpdate)]
Move = Annotated[TaskTransition, json_body(TaskTransition)]

Sort = Annotated[
    Literal["createdAt", "-createdAt", "updatedAt", "-updatedAt", "dueAt", "-dueAt"], Field(description=SORTED)
]


class CaseTaskQuery(ResourceQuery):
    """Which tasks of a case."""

    sort: Sort = "createdAt"
    search: Filter | None = Field(None, description="Words of the title, the assignee or the provider.")
    state: TaskState | None = Field(None, description="Only those in this state.")
    kind: TaskKind | None = Field(None, description="Only those of this kind.")
    mode: Literal["manual", "automatic"] | None = Field(None, description="Only manual, or only automatic ones.")
    assignee: Name | None = Field(None, description="Only those of exactly this assignee.")
    due_from: Moment | None = Field(None, description="Due at this time or later.")
    due_until: Moment | None = Field(None, description="Due before this time.")
    overdue: Overdue | None = Field(None, description="`true`: only those that are overdue.")


class TaskQuery(CaseTaskQuery):
    """Which tasks, of all cases."""

    case_id: Reference | None = Field(None, description="Only those of this case.")


@router.post(
    "/cases/{case_id}/tasks",
    status_code=201,
    response_model=Task,
    summary="Create a task of a case",
    openapi_extra=CLOSED,
)
async def create_task(case_id: str, call: Write, body: NewTask) -> Response:
    """A new task is available. A closed case takes no tasks."""
    return await call.create(PATH, lambda tx: service.add(tx, call.principal, case_id, body))


@router.get("/cases/{case_id}/tasks", response_model=Page[Task], summary="List the tasks of a case")
async def list_case_tasks(case_id: str, call: Read, query: Annotated[CaseTaskQuery, Query()]) -> Response:
    """The steps of one case, the first made first."""
    await call.require(CASE, case_id)
    return await call.page(TASK, query, case_id=case_id)


@router.get(PATH, response_model=Page[Task], summary="List tasks: the worklist")
async def list_tasks(call: Read, query: Annotated[TaskQuery, Query()]) -> Response:
    """The tasks of all cases that you may see. Sort by `dueAt` to see what is urgent."""
    return await call.page(TASK, query)


@router.get(PATH + "/{task_id}", response_model=Task, summary="Read a task")
async def get_task(task_id: str, call: Read) -> Response:
    """One task."""
    return await call.document(TASK, task_id)


@router.patch(PATH + "/{task_id}", response_model=Task, summary="Update a task", openapi_extra=CLOSED)
async def update_task(task_id: str, call: Write, body: Patch) -> Response:
    """A JSON Merge Patch. Another assignee counts as a handover of the case."""
    return await call.change(lambda tx: service.change(tx, call.principal, task_id, body, call.if_match))


@router.post(
    PATH + "/{task_id}/transitions",
    response_model=Task,
    summary="Transition a task to another state",
    openapi_extra=CLOSED,
)
async def transition_task(task_id: str, call: Write, body: Move) -> Response:
    """Available, active, completed, skipped, failed. What cannot follow is refused, with what can."""
    return await call.act(lambda tx: service.move(tx, call.principal, task_id, body, call.if_match))
