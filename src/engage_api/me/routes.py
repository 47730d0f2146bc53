"""What a customer's own token opens."""

from typing import Annotated

from fastapi import APIRouter, Response

from engage_api.access.guard import guard
from engage_api.core.problem import Problem
from engage_api.core.scopes import Scope
from engage_api.customers.audience import Me, reduced
from engage_api.customers.models import CUSTOMER
from engage_api.db import reader
from engage_api.http import etags
from engage_api.http.call import Call
from engage_api.http.route import DirectRoute

router = APIRouter(prefix="/me", tags=["Me"], route_class=DirectRoute)
Read = Annotated[Call, guard(Scope.ME_READ)]


class NeedsCustomer(Problem):
    """Only a customer's own token opens this.

    Let the customer in (`POST /v1/customers/{id}/sessions`) and use the token of the answer. A key, or a token of your
    application, reads the customer at `/v1/customers/{id}`.
    """

    code, status, title = "needs-customer", 403, "This needs a customer's token"


@router.get("", response_model=Me, summary="Read yourself", openapi_extra={"x-problems": ["needs-customer"]})
async def get_me(call: Read) -> Response:
    """The customer whose token this is, with the fields that a customer may have."""
    customer = call.principal.customer
    document = await reader.document(call.db, call.principal, CUSTOMER, customer) if customer else None
    if document is None:
        raise NeedsCustomer
    return etags.answer(call.request, reduced(document))
