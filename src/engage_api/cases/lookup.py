"""Finding a case, and whether anything about it may still change."""

from engage_api.cases.models import CASE, Case
from engage_api.core.principal import Principal
from engage_api.core.problem import NotFound, Problem
from engage_api.db import reader
from engage_api.db.engine import Transaction
from engage_api.db.store import Stored

CLOSED = frozenset({"confirmed", "rejected", "withdrawn"})


class CaseClosed(Problem):
    """The case is confirmed, rejected or withdrawn, so nothing about it changes. Reopen it first, with a reason."""

    code, status, title = "case-closed", 409, "The case is closed"


async def require(tx: Transaction, principal: Principal, case_id: str) -> Stored[Case]:
    """The case, or NotFound."""
    found = await reader.find(tx, principal, CASE, case_id)
    if found is None:
        raise NotFound
    return found


async def require_open(tx: Transaction, principal: Principal, case_id: str) -> Stored[Case]:
    """The case, if something about it may still change.

    Raises:
        CaseClosed: it may not.
    """
    found = await require(tx, principal, case_id)
    if found.model.state in CLOSED:
        raise CaseClosed
    return found
