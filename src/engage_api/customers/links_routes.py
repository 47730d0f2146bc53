"""Links of customers with accounts over HTTP."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Response
from pydantic import Field

from engage_api.access.customer_links import service as links
from engage_api.access.customer_links.models import ACCOUNT_LINK, AccountLink, AccountLinkCreate, LinkState
from engage_api.access.guard import guard
from engage_api.access.members.routes import spare
from engage_api.core.problem import TooManyRequests
from engage_api.core.scopes import Scope
from engage_api.customers import service
from engage_api.customers.models import CUSTOMER
from engage_api.customers.routes import PATH
from engage_api.db.engine import Transaction
from engage_api.db.store import Stored
from engage_api.http.call import Call
from engage_api.http.pages import SORTED, ListQuery, Page
from engage_api.http.route import DirectRoute
from engage_api.http.strict import json_body
from engage_api.http.windows import Seconds

MAILS = Seconds(20, 3600, "link-mail")
"""Mails that an organization can have sent from its sandboxes: nobody has looked at what it is."""
router = APIRouter(prefix=PATH, tags=["Customers"], route_class=DirectRoute)
Links = Annotated[Call, guard(Scope.CUSTOMERS_SESSIONS)]
NewLink = Annotated[AccountLinkCreate, json_body(AccountLinkCreate)]
Sort = Annotated[Literal["createdAt", "-createdAt", "updatedAt", "-updatedAt"], Field(description=SORTED)]


class LinkQuery(ListQuery):
    """Which links."""

    sort: Sort = "-createdAt"
    state: LinkState | None = Field(None, description="Only those in this state.")


@router.post(
    "/{customer_id}/account-links",
    status_code=201,
    response_model=AccountLink,
    summary="Create a link to an account",
    openapi_extra={"x-problems": ["customer-closed", "already-linked", "too-many-links"]},
)
async def create_account_link(customer_id: str, call: Links, body: NewLink) -> Response:
    """Somebody is asked by mail whether they are this customer. They have seven days to sign in and agree.

    An address gets 5 mails of ours in 10 minutes.
    """

    async def make(tx: Transaction) -> Stored[AccountLink]:
        await service.require_open(tx, call.principal, customer_id)
        return await links.create(tx, call.principal, customer_id, body)

    await _spend_mail(call, customer_id)
    await spare(call, body.email)
    return await call.create(f"{PATH}/{customer_id}/account-links", make)


@router.get("/{customer_id}/account-links", response_model=Page[AccountLink], summary="List a customer's account links")
async def list_account_links(customer_id: str, call: Links, query: Annotated[LinkQuery, Query()]) -> Response:
    """Which are pending, and which have been agreed to."""
    await call.require(CUSTOMER, customer_id)
    return await call.page(ACCOUNT_LINK, query, customer_id=customer_id)


@router.delete("/{customer_id}/account-links/{link_id}", status_code=204, summary="End a link to an account")
async def end_account_link(customer_id: str, link_id: str, call: Links) -> Response:
    """The person is this customer no more: in this process from the next request on, in others within a second."""

    async def work(tx: Transaction) -> None:
        await service.require(tx, call.principal, customer_id)
        await links.end(tx, call.principal, customer_id, link_id)

    answer = await call.remove(work)
    call.services.doorkeeper.forget_customer(call.principal.workspace, customer_id)
    return answer


async def _spend_mail(call: Call, customer_id: str) -> None:
    await call.require(CUSTOMER, customer_id)
    if call.principal.live:
        return
    if wait := await call.services.limits.spend_address(MAILS, call.principal.organization):
        told = "Sandboxes of one organization send 20 mails in an hour."
        raise TooManyRequests(told, headers={"Retry-After": str(wait)})
