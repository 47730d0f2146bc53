"""A sandbox is as it was made: by whoever asks for that and waits, or by a job."""

from engage_api.access.sandboxes.models import Sandbox
from engage_api.db.engine import Database
from engage_api.db.store import Stored
from engage_api.sandbox import filling


async def again(db: Database, sandbox_id: str) -> Stored[Sandbox] | None:
    """Empty it but for its first key, and fill it from its seed. None when it is gone, or nobody wants that now.

    Raises:
        Unavailable: somebody else does so, who came later.
    """
    return await filling.anew(db, sandbox_id, "resetting")
