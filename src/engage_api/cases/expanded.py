"""A case with what belongs to it, each part through the same door as a read of its own."""

from collections.abc import Sequence

from fastapi import Response

from engage_api.cases.models import CASE, Case
from engage_api.cases.tasks.models import TASK
from engage_api.core.problem import InsufficientScope, NotFound
from engage_api.core.scopes import Scope
from engage_api.customers.models import CUSTOMER
from engage_api.db import reader
from engage_api.http import etags
from engage_api.http.call import Call
from engage_api.http.pages import MOST


async def answer(call: Call, case_id: str, parts: Sequence[str]) -> Response:
    """The case and its parts; at most 200 tasks, the list of tasks has the rest.

    The ETag is weak: it is good for `If-None-Match`, never for `If-Match`.

    Raises:
        InsufficientScope: the customer is asked for and the principal may not read customers.
    """
    document = await reader.document(call.db, call.principal, CASE, case_id)
    if document is None:
        raise NotFound
    body = document[:-1]
    if "customer" in parts:
        body += b',"customer":' + await _customer(call, CASE.read(document))
    if "tasks" in parts:
        body += b',"tasks":[' + b",".join(await _tasks(call, case_id)) + b"]"
    body += b"}"
    return etags.answer(call.request, body, weak=True)


async def _customer(call: Call, case: Case) -> bytes:
    if Scope.CUSTOMERS_READ not in call.principal.scopes:
        raise InsufficientScope(
            f"Expanding the customer needs {Scope.CUSTOMERS_READ.value}.",
            more={"requiredScope": Scope.CUSTOMERS_READ.value},
        )
    if case.customer_id is None:
        return b"null"
    return await reader.document(call.db, call.principal, CUSTOMER, case.customer_id) or b"null"


async def _tasks(call: Call, case_id: str) -> list[bytes]:
    ask = reader.Ask({"case_id": case_id}, None, "createdAt", None, MOST)
    return (await reader.page(call.db, call.principal, TASK, ask)).documents
