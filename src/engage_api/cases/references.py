"""What a case refers to: its customer, the customers who take part in it, and the case that it is a part of."""

from collections.abc import Iterator
from dataclasses import replace
from operator import itemgetter
from typing import Any

from engage_api.cases.models import CASE, Case
from engage_api.core.principal import Principal
from engage_api.core.problem import Fault, InvalidRequest, UnknownReference
from engage_api.customers.models import CUSTOMER
from engage_api.db import reader
from engage_api.db.engine import Transaction
from engage_api.db.kind import Kind

HIGHEST = 20  # cases above a case

Asked = tuple[str, Kind[Any], str]


async def require(tx: Transaction, principal: Principal, fields: dict[str, Any], was: Case | None = None) -> None:
    """Refuse new references to what the principal may not see, and a case that would be a part of itself.

    What the case refers to already is not asked again: somebody who sees more may have set it.

    Raises:
        UnknownReference: there is nothing with one of the ids.
        InvalidRequest: its parent is a part of it, or stands too deep.
    """
    asked = sorted(_new(fields, was), key=itemgetter(2))  # all lock in this order, so nobody waits in a ring
    faults = [
        Fault("unknown-reference", "There is nothing with this id.", pointer=pointer)
        for pointer, kind, row_id in asked
        if not await reader.keep(tx, principal, kind, row_id)
    ]
    if faults:
        raise UnknownReference(errors=faults)
    for pointer, kind, row_id in asked:
        if kind is CASE:
            await _require_above(tx, principal, was.id if was else None, row_id, pointer)


def _new(fields: dict[str, Any], was: Case | None) -> Iterator[Asked]:
    """What is referred to now and was not before: the place, the kind and the id."""
    for name, pointer, kind in (("customer_id", "/customerId", CUSTOMER), ("parent_id", "/parentId", CASE)):
        if fields[name] is not None and fields[name] != getattr(was, name, None):
            yield pointer, kind, fields[name]
    known: set[str | None] = {None}
    if was:
        known |= {participant.customer_id for participant in was.participants}
        if fields["customer_id"] == was.customer_id:  # the case, which is locked, holds them: nobody need wait
            known.add(was.customer_id)
    for at, participant in enumerate(fields["participants"]):
        if participant.customer_id not in known:
            yield f"/participants/{at}/customerId", CUSTOMER, participant.customer_id


async def _require_above(
    tx: Transaction, principal: Principal, case_id: str | None, parent_id: str, pointer: str
) -> None:
    everybody = replace(principal, sees_workspace=True)  # whoever may see them, they stand above the case
    above: str | None = parent_id
    for _ in range(HIGHEST):
        if above is None:
            return
        if above == case_id:
            told = "A case cannot be a part of itself, nor of a part of its own."
            raise InvalidRequest(errors=[Fault("circle", told, pointer=pointer)])
        found = await reader.find(tx, everybody, CASE, above, lock=False)
        above = found.model.parent_id if found else None
    if above is not None:
        told = f"No more than {HIGHEST} cases can stand above a case."
        raise InvalidRequest(errors=[Fault("too-deep", told, pointer=pointer)])
