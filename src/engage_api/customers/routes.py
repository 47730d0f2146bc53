"""Customers over HTTP."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Response
from pydantic import Field

from engage_api.access.guard import guard
from engage_api.core.model import Input, Word
from engage_api.core.scopes import Scope
from engage_api.customers import service
from engage_api.customers.models import CUSTOMER, Customer, CustomerCreate, CustomerState, CustomerUpdate
from engage_api.http.call import Call
from engage_api.http.pages import SORTED, Filter, Page, ResourceQuery
from engage_api.http.route import DirectRoute
from engage_api.http.strict import json_body

PATH = "/customers"
router = APIRouter(prefix=PATH, tags=["Customers"], route_class=DirectRoute)
Read = Annotated[Call, guard(Scope.CUSTOMERS_READ)]
Write = Annotated[Call, guard(Scope.CUSTOMERS_WRITE)]
NewCustomer = Annotated[CustomerCreate, json_body(CustomerCreate)]
Patch = Annotated[CustomerUpdate, json_body(CustomerUpdate)]


class CustomerTransition(Input):
    """Where a customer is to go."""

    to: CustomerState = Field(examples=["active"])


Move = Annotated[CustomerTransition, json_body(CustomerTransition)]

Sort = Annotated[
    Literal["createdAt", "-createdAt", "updatedAt", "-updatedAt", "displayName", "-displayName"],
    Field(description=SORTED),
]


class CustomerQuery(ResourceQuery):
    """Which customers."""

    sort: Sort = "-createdAt"
    search: Filter | None = Field(None, description="Words of the name, an identifier or a contact point.")
    state: CustomerState | None = Field(None, description="Only those in this state.")
    kind: Literal["person", "organization"] | None = Field(None, description="Only persons, or only organizations.")
    segment: Word | None = Field(None, description="Only those in this segment.")
    identifier: Filter | None = Field(None, description="An identifier's value, or `scheme:value`.")
    contact_point: Filter | None = Field(None, description="A contact point's whole value; case does not matter.")

    def filters(self) -> dict[str, object]:
        """Contact points are compared without case."""
        given = super().filters()
        if self.contact_point is not None:
            given["contact_point"] = self.contact_point.casefold()
        return given


@router.post("", status_code=201, response_model=Customer, summary="Create a customer")
async def create_customer(call: Write, body: NewCustomer) -> Response:
    """A new customer is a prospect."""
    return await call.create(PATH, lambda tx: service.create(tx, call.principal, body))


@router.get("", response_model=Page[Customer], summary="List customers")
async def list_customers(call: Read, query: Annotated[CustomerQuery, Query()]) -> Response:
    """The customers that you may see, filtered, searched and sorted."""
    return await call.page(CUSTOMER, query)


@router.get("/external/{external_id}", response_model=Customer, summary="Read a customer by your own id")
async def get_customer_by_external_id(external_id: str, call: Read) -> Response:
    """The customer with this `externalId`."""
    return await call.document(CUSTOMER, external_id, by="external_id")


@router.put("/external/{external_id}", response_model=Customer, summary="Create or replace a customer by your own id")
async def put_customer(external_id: str, call: Write, body: NewCustomer) -> Response:
    """Upsert: creates the customer with this `externalId` (201) or replaces all its fields (200).

    The same twice changes nothing.
    """
    return await call.put(PATH, external_id, body, service.put)


@router.get("/{customer_id}", response_model=Customer, summary="Read a customer")
async def get_customer(customer_id: str, call: Read) -> Response:
    """One customer."""
    return await call.document(CUSTOMER, customer_id)


@router.patch("/{customer_id}", response_model=Customer, summary="Update a customer")
async def update_customer(customer_id: str, call: Write, body: Patch) -> Response:
    """A JSON Merge Patch: what is absent stays, what is null goes."""
    return await call.change(lambda tx: service.change(tx, call.principal, customer_id, body, call.if_match))


@router.delete(
    "/{customer_id}", status_code=204, summary="Delete a customer", openapi_extra={"x-problems": ["customer-in-use"]}
)
async def delete_customer(customer_id: str, call: Write) -> Response:
    """Only a customer who has no cases and takes part in none."""
    answer = await call.remove(lambda tx: service.delete(tx, call.principal, customer_id, call.if_match))
    call.services.doorkeeper.forget_customer(call.principal.workspace, customer_id)
    return answer


@router.post("/{customer_id}/transitions", response_model=Customer, summary="Transition a customer to another state")
async def transition_customer(customer_id: str, call: Write, body: Move) -> Response:
    """Prospect, active, dormant, closed. What cannot follow is refused, with what can.

    Closing ends the customer's sessions: in this process with the next request, in others within a second.
    """
    answer = await call.act(lambda tx: service.move(tx, call.principal, customer_id, body.to, call.if_match))
    if body.to == "closed":
        call.services.doorkeeper.forget_customer(call.principal.workspace, customer_id)
    return answer
