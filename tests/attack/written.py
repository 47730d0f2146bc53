"""What a service has written, as far as a refusal could have written it."""

from typing import Any

from sqlalchemy import func, literal_column, not_, select, union_all

from engage_api.access.applications.models import ApplicationRow
from engage_api.access.applications.secret_models import ClientSecretMarkRow, ClientSecretRow
from engage_api.access.models import ApiKeyRow, CredentialRow
from engage_api.access.organizations.models import OrganizationRow
from engage_api.cases.models import CaseRow
from engage_api.cases.tasks.models import TaskRow
from engage_api.customers.models import CustomerRow
from engage_api.db import Query
from engage_api.db.row import EventRow, TermRow
from engage_api.http.idempotency import IdempotencyRow
from engage_api.offers.models import OfferRow
from tests.attack.catalogue import Operation
from tests.attack.world import World

ROWS: tuple[Any, ...] = (
    ApiKeyRow,
    CaseRow,
    TaskRow,
    CustomerRow,
    OfferRow,
    CredentialRow,
    OrganizationRow,
    ApplicationRow,
    ClientSecretRow,
    ClientSecretMarkRow,
    EventRow,
    TermRow,
    IdempotencyRow,
)
AT_ONCE = {"update_sandbox", "put_sandbox_faults", "delete_sandbox_faults", "simulate_event"}
"""What is done in a sandbox by the time of the answer. All else goes on, and would be taken for what is sent next."""


def later(operation: Operation) -> bool:
    """Whether it makes work for afterwards, in sandboxes."""
    return operation.path.startswith("/sandboxes") and operation.name not in AT_ONCE


def _state(*, outside: bool) -> Query:
    """How many rows there are of everything, and how often they have changed; `outside` of sandboxes and snapshots."""
    parts = []
    for row in ROWS:
        table = row.__table__
        if outside and row is EventRow:  # that a sandbox has become ready is written down outside of it
            continue
        changes = func.sum(table.c.version) if "version" in table.c else literal_column("0")
        part = select(func.count().label("rows"), changes.label("changes")).select_from(table)
        if outside and "workspace_id" in table.c:
            inside = (table.c.workspace_id.like(f"{prefix}%") for prefix in ("sbx", "snp"))
            part = part.where(*(not_(one) for one in inside))
        parts.append(part)
    return Query(union_all(*parts))


EVERYWHERE, OUTSIDE = _state(outside=False), _state(outside=True)


async def state(world: World, operation: Operation) -> list[tuple[int, int]]:
    """Of which a refusal of the operation changes nothing."""
    rows = await world.service.db.system.raw(OUTSIDE if later(operation) else EVERYWHERE, None)
    return [(int(row[0]), int(row[1] or 0)) for row in rows]
