"""Events that somebody who tests wants to see: of any type that there is, in the log like all others."""

import json
from typing import Annotated, Any

from fastapi import APIRouter, Response
from pydantic import Field, ValidationError

from engage_api.access.guard import guard
from engage_api.core import clock
from engage_api.core.event_types import Type
from engage_api.core.model import Input, merge_patch, shown_as
from engage_api.core.principal import Principal
from engage_api.core.problem import Fault, InvalidRequest
from engage_api.core.scopes import Scope
from engage_api.db import log, reader
from engage_api.db.engine import Transaction
from engage_api.db.kind import Kind
from engage_api.events import signals
from engage_api.events.models import Event, Subject
from engage_api.events.signals import LARGEST, SignalCreate
from engage_api.events.webhooks import secret_models as _secrets  # noqa: F401  # registers its kind
from engage_api.http import examples
from engage_api.http.call import Call
from engage_api.http.idempotency import Answer
from engage_api.http.problems import faults
from engage_api.http.route import DirectRoute
from engage_api.http.strict import json_body
from engage_api.sandbox.copies import models as _copies  # noqa: F401  # as above
from engage_api.sandbox.inside import inside
from engage_api.sandbox.scenarios import service as _stories  # noqa: F401  # as above: all that a story is about

SIGNAL = "x."
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
        None, description="The id of a resource, whose present state the event then tells; or any other."
    )
    data: dict[str, Any] | None = Field(
        None, description="Members that differ from the resource, or from the example (RFC 7396).", max_length=100
    )


Wanted = Annotated[EventSimulation, json_body(EventSimulation)]


@router.post("/_simulate", status_code=201, response_model=Event, summary="Simulate an event", openapi_extra=BUSY)
async def simulate_event(sandbox_id: str, call: Manage, body: Wanted) -> Response:
    """An event that nothing caused: into the log of the sandbox, and to all who follow it. The answer is the event.

    Without a subject it tells of the resource in the example of its type. The resource itself stays as it is.
    """
    there = await inside(call, sandbox_id)

    async def work(tx: Transaction) -> Answer:
        return Answer(201, await simulate(tx, there.principal, body))

    return await call.services.once.run(call.request, there.principal, work)


async def simulate(tx: Transaction, who: Principal, wanted: EventSimulation) -> bytes:
    """Write it into the log of the sandbox where `who` stands: the event as it will be read but for its number.

    Raises:
        InvalidRequest: there is no such type, or its resource cannot look like this.
    """
    if wanted.type.startswith(SIGNAL):
        return await signals.write(tx, who, _signal(wanted))
    for kind in Kind.known.values():
        for happened in kind.happens:
            if kind.event(happened) == wanted.type:
                document = await _document(tx, who, kind, happened, wanted)
                now = clock.business(who.workspace)
                subject = wanted.subject or str(json.loads(document)["id"])
                return await log.tell(tx, who, log.Entry(wanted.type, subject, who.application, document, now))
    told = "There is no such type of event."
    raise InvalidRequest(errors=[Fault("unknown-type", told, pointer="/type")])


def _signal(wanted: EventSimulation) -> SignalCreate:
    try:
        return SignalCreate(type=wanted.type, subject=wanted.subject or "example", data=wanted.data or {})
    except ValidationError as error:
        raise InvalidRequest(errors=_faults(error, ())) from None


async def _document(tx: Transaction, who: Principal, kind: Kind[Any], happened: str, wanted: EventSimulation) -> bytes:
    """The resource as the event tells it."""
    found = await reader.find(tx, who, kind, wanted.subject) if wanted.subject else None
    own = _example(kind, wanted.subject, who) if found is None else json.loads(found.document)
    try:
        kind.public.model_validate_json(json.dumps(own | {"state": happened}))
        own |= {"state": happened} if "state" in own else {}
    except ValidationError:  # what happened is no state
        pass
    try:
        document = kind.render(kind.public.model_validate_json(json.dumps(merge_patch(own, wanted.data or {}))))
    except ValidationError as error:
        raise InvalidRequest(errors=_faults(error, ("data",))) from None
    if len(document) > LARGEST:
        raise InvalidRequest(errors=[Fault("too-long", "At most 65,536 bytes.", pointer="/data")])
    return document


def _example(kind: Kind[Any], subject: str | None, who: Principal) -> dict[str, Any]:
    """The example of a kind, as made just now."""
    schema = kind.public.model_json_schema(mode="serialization")
    found: dict[str, Any] = examples.of(schema, schema.get("$defs", {}))
    now = clock.wire(clock.business(who.workspace))
    return found | {"createdAt": now, "updatedAt": now} | ({"id": subject} if subject else {})


def _faults(error: ValidationError, place: tuple[str, ...]) -> list[Fault]:
    found = error.errors(include_url=False, include_input=False, include_context=False)
    return faults([{**one, "loc": ("body", *place, *one["loc"])} for one in found])
