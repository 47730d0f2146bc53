"""Cases over HTTP."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Response
from pydantic import Field, StringConstraints

from engage_api.access.guard import guard
from engage_api.cases import expanded, service
from engage_api.cases.models import (
    CASE,
    Case,
    CaseCreate,
    CaseReplace,
    CaseState,
    CaseTransition,
    CaseUpdate,
    ExpandedCase,
    Triage,
)
from engage_api.cases.tasks.models import Overdue
from engage_api.core.model import Moment, Reference, Word
from engage_api.core.scopes import Scope
from engage_api.customers.models import Channel
from engage_api.http.call import Call
from engage_api.http.pages import SORTED, Filter, Page, ResourceQuery
from engage_api.http.route import DirectRoute
from engage_api.http.strict import json_body

PATH = "/cases"
CLOSED = {"x-problems": ["case-closed"]}
router = APIRouter(prefix=PATH, tags=["Cases"], route_class=DirectRoute)
Read = Annotated[Call, guard(Scope.CASES_READ)]
Write = Annotated[Call, guard(Scope.CASES_WRITE)]
NewCase = Annotated[CaseCreate, json_body(CaseCreate)]
WholeCase = Annotated[CaseReplace, json_body(CaseReplace)]
Patch = Annotated[CaseUpdate, json_body(CaseUpdate)]
Move = Annotated[CaseTransition, json_body(CaseTransition)]
Expand = Annotated[
    Annotated[str, StringConstraints(pattern=r"^(customer|tasks)(,(customer|tasks))*$", max_length=50)] | None,
    Query(
        description="What to answer with the case: `customer`, `tasks`, or both with a comma.", examples=["customer"]
    ),
]

Sort = Annotated[
    Literal["createdAt", "-createdAt", "updatedAt", "-updatedAt", "dueAt", "-dueAt"], Field(description=SORTED)
]


class CaseQuery(ResourceQuery):
    """Which cases."""

    sort: Sort = "-createdAt"
    search: Filter | None = Field(None, description="Words of the title, the outcome or a participant's name.")
    state: CaseState | None = Field(None, description="Only those in this state.")
    type: Word | None = Field(None, description="Only those of this type.")
    channel: Channel | None = Field(None, description="Only those that came in through this channel.")
    triage: Triage | None = Field(None, description="Only standard, or only tailored ones.")
    customer_id: Reference | None = Field(None, description="Only those of this customer.")
    parent_id: Reference | None = Field(None, description="Only the parts of this case.")
    due_from: Moment | None = Field(None, description="Due at this time or later.")
    due_until: Moment | None = Field(None, description="Due before this time.")
    overdue: Overdue | None = Field(None, description="`true`: only those that are overdue.")


@router.post("", status_code=201, response_model=Case, summary="Create a case")
async def create_case(call: Write, body: NewCase) -> Response:
    """A whole case with its tasks: all of it is made, or nothing."""
    return await call.create(PATH, lambda tx: service.create(tx, call.principal, body))


@router.get("", response_model=Page[Case], summary="List cases")
async def list_cases(call: Read, query: Annotated[CaseQuery, Query()]) -> Response:
    """The cases that you may see, filtered, searched and sorted."""
    return await call.page(CASE, query)


@router.get("/external/{external_id}", response_model=Case, summary="Read a case by your own id")
async def get_case_by_external_id(external_id: str, call: Read) -> Response:
    """The case with this `externalId`."""
    return await call.document(CASE, external_id, by="external_id")


@router.put(
    "/external/{external_id}",
    response_model=Case,
    summary="Create or replace a case by your own id",
    openapi_extra=CLOSED,
)
async def put_case(external_id: str, call: Write, body: WholeCase) -> Response:
    """Upsert: creates the case with this `externalId` (201) or replaces its fields (200).

    Its state and its tasks stay: tasks have a URL of their own, so the body takes none.
    """
    return await call.put(PATH, external_id, body, service.put)


@router.get("/{case_id}", response_model=ExpandedCase, response_model_exclude_unset=True, summary="Read a case")
async def get_case(case_id: str, call: Read, expand: Expand = None) -> Response:
    """One case; with `expand` also its customer or its tasks, as far as you may see them."""
    return await (expanded.answer(call, case_id, expand.split(",")) if expand else call.document(CASE, case_id))


@router.patch("/{case_id}", response_model=Case, summary="Update a case", openapi_extra=CLOSED)
async def update_case(case_id: str, call: Write, body: Patch) -> Response:
    """A JSON Merge Patch: what is absent stays, what is null goes."""
    return await call.change(lambda tx: service.change(tx, call.principal, case_id, body, call.if_match))


@router.post("/{case_id}/transitions", response_model=Case, summary="Transition a case to another state")
async def transition_case(case_id: str, call: Write, body: Move) -> Response:
    """From received to confirmed, with waiting and reopening. What cannot follow is refused, with what can."""
    return await call.act(lambda tx: service.move(tx, call.principal, case_id, body, call.if_match))
