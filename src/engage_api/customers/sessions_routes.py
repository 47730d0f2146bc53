"""Sessions of customers over HTTP."""

from typing import Annotated

from fastapi import APIRouter, Response

from engage_api.access.customer_sessions import service as sessions
from engage_api.access.customer_sessions.models import CustomerSession, CustomerSessionCreate
from engage_api.access.guard import guard
from engage_api.core.scopes import Scope
from engage_api.customers import service
from engage_api.customers.routes import PATH
from engage_api.db.engine import Transaction
from engage_api.http.call import Call
from engage_api.http.idempotency import Answer
from engage_api.http.route import DirectRoute
from engage_api.http.strict import json_body

router = APIRouter(prefix=PATH, tags=["Customers"], route_class=DirectRoute)
Sessions = Annotated[Call, guard(Scope.CUSTOMERS_SESSIONS)]
NewSession = Annotated[CustomerSessionCreate, json_body(CustomerSessionCreate)]


@router.post(
    "/{customer_id}/sessions",
    status_code=201,
    response_model=CustomerSession,
    summary="Create a session for a customer",
    openapi_extra={"x-problems": ["customer-closed"]},
)
async def create_customer_session(customer_id: str, call: Sessions, body: NewSession) -> Response:
    """A token for a front end, which opens `/v1/me` to this customer and nothing else. The answer is the only one that
    shows it.
    """

    async def work(tx: Transaction) -> Answer:
        await service.require_open(tx, call.principal, customer_id)
        session = await sessions.begin(tx, call.principal, call.services.pepper, customer_id, body)
        return Answer(201, session.model_dump_json(by_alias=True).encode(), {}, secret=True)

    return await call.services.once.run(call.request, call.principal, work)


@router.delete("/{customer_id}/sessions", status_code=204, summary="End all sessions of a customer")
async def end_customer_sessions(customer_id: str, call: Sessions) -> Response:
    """Whoever began them: in this process with the next request, in others within a second."""

    async def work(tx: Transaction) -> None:
        await service.require(tx, call.principal, customer_id)
        await sessions.end(tx, call.principal, customer_id)

    answer = await call.remove(work)
    call.services.doorkeeper.forget_customer(call.principal.workspace, customer_id)
    return answer
