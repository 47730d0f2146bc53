"""Events that somebody who tests wants to see: of any type that there is, in the log like all others."""

import json
from typing import Annotated, Any

from fastapi import APIRouter, Response
from pydantic import Field, ValidationError

from engage_api.access.guard import guard
from engage_api.access.models import API_KEY
from engage_api.core import clock
from engage_api.core.event_types import Type
from engage_api.core.model import Input, merge_patch, shown_as
from engage_api.core.principal import Principal
from engage_api.core.problem import Fault, InvalidRequest
from engage_api.core.scopes import Scope
from engage_api.db import log, reader
from engage_api.db.engine import Database, Transaction
from engage_api.db.kind import Kind
from engage_api.db.reader import Ask
from engage_api.events import signals
from engage_api.events.models import Event, Subject
from engage_api.events.signals import LARGEST, SignalCreate
from engage_api.http.call import Call
from engage_api.http.idempotency import Answer
from engage_api.http.problems import faults
from engage_api.http.route import DirectRoute
from engage_api.http.strict import json_body
from engage_api.sandbox import kinds
from engage_api.sandbox.implied import example, implied
from engage_api.sandbox.inside import inside

SIGNAL = "x."
NEWEST = Ask({}, None, "-createdAt", None, 1)
BUSY = {"x-problems": ["sandbox-busy", "sandbox-full"]}
router = APIRouter(prefix="/sandboxes/{sandbox_id}/events", tags=["Sandboxes"], route_class=DirectRoute)
Manage = Annotated[Call, guard(Scope.SANDBOX_WRITE)]


class EventSimulation(Input):
    """Which event."""

    model_config = shown_as(type="engage.case.delivered.v1", data={"title": "A new passport"})

    type: Type = Field(
        description="Any type of the catalogue, or a signal of your organization.",
        examples=["engage.case.delivered.v1"],
    )
    subject: Subject | None = Field(
        None,
        description="The id of a resource that the event is about; or any other; null: the newest of its kind that is "
        "there.",
    )
    data: dict[str, Any] | None = Field(
        None, description="Members that differ from the resource, or from the example (RFC 7396).", max_length=100
    )


Wanted = Annotated[EventSimulation, json_body(EventSimulation)]


@router.post("/_simulate", status_code=201, response_model=Event, summary="Simulate an event", openapi_extra=BUSY)
async def simulate_event(sandbox_id: str, call: Manage, body: Wanted) -> Response:
    """An event that nothing caused: into the log of the sandbox, and to all who follow it. The answer is the event, as
    it will be read but for its number.

    It tells of a resource as if it had just happened to that: an overdue task has a due date that has passed. The
    resource itself stays as it is.
    """
    there = await inside(call, sandbox_id)
    about = await newest(call.db, there.principal, body)

    async def work(tx: Transaction) -> Answer:
        return Answer(201, await simulate(tx, there.principal, body, about))

    return await call.services.once.run(call.request, there.principal, work)


async def newest(db: Database, who: Principal, wanted: EventSimulation) -> bytes | None:
    """What the event is about when nobody says it: the newest of its kind in the sandbox, None where there is none.

    Never a key: the same calls in two sandboxes may have been made with different ones.
    """
    found = kinds.of_type(wanted.type)
    if found is None or found[0] is API_KEY or wanted.subject:
        return None
    return next(iter((await reader.page(db, who, found[0], NEWEST)).documents), None)


async def simulate(tx: Transaction, who: Principal, wanted: EventSimulation, about: bytes | None) -> bytes:
    """Write it into the log of the sandbox where `who` stands: the event as it will be read but for its number.
    `about` is what it tells of when it has no subject.

    Raises:
        InvalidRequest: there is no such type, or its resource cannot look like this.
    """
    if wanted.type.startswith(SIGNAL):
        return await signals.write(tx, who, _signal(wanted))
    found = kinds.of_type(wanted.type)
    if found is None:
        told = "There is no such type of event: see /events/#types. All but signals end in `.v1`."
        raise InvalidRequest(errors=[Fault("unknown-type", told, pointer="/type")])
    kind, happened = found
    if wanted.subject is not None:
        stored = await reader.find(tx, who, kind, wanted.subject)
        about = stored.document if stored else None
    now = clock.business(who.workspace)
    own = json.loads(about) if about else example(kind, who, now)
    if about is None and wanted.subject is not None:
        own["id"] = wanted.subject
    document = _document(kind, implied(kind, happened, own, now), wanted)
    return await log.tell(tx, who, log.Entry(wanted.type, own["id"], who.application, document, now))


def _signal(wanted: EventSimulation) -> SignalCreate:
    try:
        return SignalCreate(type=wanted.type, subject=wanted.subject or "example", data=wanted.data or {})
    except ValidationError as error:
        raise InvalidRequest(errors=_faults(error, ())) from None


def _document(kind: Kind[Any], own: dict[str, Any], wanted: EventSimulation) -> bytes:
    """The resource as the event tells it."""
    if (wanted.data or {}).get("id", own["id"]) != own["id"]:
        raise InvalidRequest(errors=[Fault("not-applicable", "Say it as `subject`.", pointer="/data/id")])
    try:
        document = kind.render(kind.public.model_validate_json(json.dumps(merge_patch(own, wanted.data or {}))))
    except ValidationError as error:
        raise InvalidRequest(errors=_faults(error, ("data",))) from None
    if len(document) > LARGEST:
        raise InvalidRequest(errors=[Fault("too-long", "At most 65,536 bytes.", pointer="/data")])
    return document


def _faults(error: ValidationError, place: tuple[str, ...]) -> list[Fault]:
    found = error.errors(include_url=False, include_input=False, include_context=False)
    return faults([{**one, "loc": ("body", *place, *one["loc"])} for one in found])
