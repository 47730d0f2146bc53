"""The rules for customers."""

from collections.abc import Sequence

from engage_api.access.customer_links import service as links
from engage_api.access.customer_sessions import service as sessions
from engage_api.core.principal import Principal
from engage_api.core.problem import NotFound, Problem
from engage_api.core.states import require_transition
from engage_api.customers.models import CUSTOMER, Customer, CustomerCreate, CustomerState, CustomerUpdate
from engage_api.db import reader, store
from engage_api.db.engine import Transaction
from engage_api.db.errors import Conflict
from engage_api.db.store import Stored
from engage_api.http import etags
from engage_api.http.patches import patched

TRANSITIONS: dict[str, tuple[CustomerState, ...]] = {
    "prospect": ("active", "closed"),
    "active": ("dormant", "closed"),
    "dormant": ("active", "closed"),
    "closed": (),
}


class CustomerInUse(Problem):
    """The customer has cases or takes part in some, and cases are never deleted. Close the customer instead."""

    code, status, title = "customer-in-use", 409, "The customer has cases"


class CustomerClosed(Problem):
    """The customer is closed: nobody lets them in any more."""

    code, status, title = "customer-closed", 409, "The customer is closed"


async def create(tx: Transaction, principal: Principal, wanted: CustomerCreate) -> Stored[Customer]:
    """Make a customer; a new one is a prospect."""
    return await store.create(tx, principal, CUSTOMER, {**dict(wanted), "state": "prospect", "merged_into": None})


async def enter(tx: Transaction, principal: Principal, wanted: Sequence[CustomerCreate]) -> list[Stored[Customer]]:
    """Make many customers at once."""
    return [await create(tx, principal, one) for one in wanted]


async def put(
    tx: Transaction, principal: Principal, external_id: str, wanted: CustomerCreate, conditions: etags.Preconditions
) -> tuple[Stored[Customer], bool]:
    """Make or replace the customer with this external id. True when it is new."""
    was = await reader.find(tx, principal, CUSTOMER, external_id, by="external_id")
    conditions.check(was.document if was else None)
    if was is None:
        return await create(tx, principal, wanted), True
    return await store.change(tx, principal, CUSTOMER, was, dict(wanted)), False


async def change(
    tx: Transaction, principal: Principal, customer_id: str, patch: CustomerUpdate, if_match: str | None
) -> Stored[Customer]:
    """Apply a merge patch to the version that the caller has read."""
    was = await require(tx, principal, customer_id)
    etags.require(if_match, was.document)
    return await store.change(tx, principal, CUSTOMER, was, dict(patched(CustomerCreate, was.model, patch)))


async def move(
    tx: Transaction, principal: Principal, customer_id: str, to: CustomerState, if_match: str | None
) -> Stored[Customer]:
    """Bring a customer into another state. Whoever is closed is let in no more: their sessions and links end."""
    was = await require(tx, principal, customer_id)
    etags.check(if_match, was.document)
    require_transition(TRANSITIONS, was.model.state, to)
    if to == "closed":
        await sessions.end(tx, principal, customer_id)
        await links.end_all(tx, principal, customer_id)
    return await store.change(tx, principal, CUSTOMER, was, {"state": to}, store.Happened(to))


async def delete(tx: Transaction, principal: Principal, customer_id: str, if_match: str | None) -> None:
    """Delete a customer who has no cases and takes part in none.

    Raises:
        CustomerInUse: the customer has.
    """
    was = await require(tx, principal, customer_id)
    etags.require(if_match, was.document)
    await links.end_all(tx, principal, customer_id)
    try:
        await store.remove(tx, principal, CUSTOMER, was)
    except Conflict as error:
        raise CustomerInUse from error


async def require(tx: Transaction, principal: Principal, customer_id: str) -> Stored[Customer]:
    """The customer, or NotFound."""
    found = await reader.find(tx, principal, CUSTOMER, customer_id)
    if found is None:
        raise NotFound
    return found


async def require_open(tx: Transaction, principal: Principal, customer_id: str) -> None:
    """Refuse whoever is not let in; the others are not closed before the transaction ends.

    Raises:
        NotFound: there is no such customer, or none that the principal may see.
        CustomerClosed: nobody lets them in.
    """
    if (await require(tx, principal, customer_id)).model.state == "closed":
        raise CustomerClosed
