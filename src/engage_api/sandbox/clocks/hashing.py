"""The hash of a sandbox's log for whoever manages it."""

from collections.abc import Mapping
from dataclasses import replace

from engage_api.access.applications.models import APPLICATION
from engage_api.access.sandboxes.models import Sandbox
from engage_api.access.worlds import LIVE
from engage_api.core.principal import Principal
from engage_api.db import reader, sequencer
from engage_api.db.engine import Database
from engage_api.db.store import Stored
from engage_api.sandbox import log_hash
from engage_api.sandbox.clocks.models import LogHash
from engage_api.sandbox.service import require

SELF, SELVES = "app_self", "org_self"
"""What stands for an application, and for its organization."""


async def read(db: Database, who: Principal, sandbox_id: str) -> LogHash:
    """Of all that is committed by now.

    Raises:
        NotFound: they manage no such sandbox.
        Unavailable: the log is a long one; whoever asks again goes on from there.
    """
    stored = await require(db, who, sandbox_id)
    if db.dialect == "postgresql":
        await sequencer.settle(db)
    whole = replace(who, workspace=sandbox_id, live=False, sees_workspace=True, customer="")
    found = await log_hash.read(db, whole, await own_names(db, who, stored), stored.model.version)
    return LogHash(hash=found.hash, events=found.events, last_event_id=found.last)


async def own_names(db: Database, who: Principal, stored: Stored[Sandbox]) -> dict[str, str]:
    """The ids of whose sandbox it is, others elsewhere, and what stands for them: in the hash, and in files."""
    anybody = replace(who, workspace=LIVE, live=True, sees_workspace=True)
    found = await reader.stored(db, anybody, APPLICATION, stored.made_by)
    return {stored.made_by: SELF} | ({found.model.organization_id: SELVES} if found else {})


def renamed(document: bytes, names: Mapping[str, str]) -> bytes:
    """The same with these names instead of those, wherever they occur."""
    for name, other in names.items():
        document = document.replace(name.encode(), other.encode())
    return document
