"""The rules for sandboxes: who manages which, how one is made, changed and ended."""

from dataclasses import replace

from engage_api.access.sandboxes.models import SANDBOX, Sandbox
from engage_api.access.worlds import LIVE
from engage_api.core import clock
from engage_api.core.principal import Principal
from engage_api.core.problem import NotFound
from engage_api.db import reader
from engage_api.db.engine import Database, Transaction
from engage_api.db.store import Stored


def home(principal: Principal, sandbox_id: str = "") -> Principal:
    """The caller as who manages sandboxes: in the live workspace, where these are kept.

    There they see what their application made, the operator everything; and whoever is in a sandbox sees this one.
    """
    every = principal.sees_workspace and (principal.live or principal.workspace == sandbox_id)
    return replace(principal, workspace=LIVE, live=True, sees_workspace=every)


async def require(db: Database, principal: Principal, sandbox_id: str) -> Stored[Sandbox]:
    """The sandbox that the caller manages under this id: the one way to it, for whatever is done with one.

    Raises:
        NotFound: there is none, or none that they manage, or its time is over.
    """
    return _there(await reader.stored(db, home(principal, sandbox_id), SANDBOX, sandbox_id))


async def hold(tx: Transaction, principal: Principal, sandbox_id: str) -> Stored[Sandbox]:
    """The same inside a transaction at the live workspace, where it stays as it is until the end. To be changed with
    `home(principal, sandbox_id)` as who does it.
    """
    return _there(await reader.find(tx, home(principal, sandbox_id), SANDBOX, sandbox_id))


def _there(found: Stored[Sandbox] | None) -> Stored[Sandbox]:
    if found is None or (found.model.expires_at is not None and found.model.expires_at <= clock.host()):
        raise NotFound
    return found
