"""What is copied later: the names of the jobs, and what each is told."""

from pydantic import BaseModel

from engage_api.sandbox.copies.first_key import Kept
from engage_api.sandbox.jobs import SEED, Wanted

FORK, SNAP, RESTORE, RESET = "sandbox.fork", "sandbox.snapshot", "sandbox.restore", "sandbox.reset"
EMPTY, MEND = "sandbox.empty", "sandbox.mend"


class Forking(BaseModel):
    """A sandbox that is to be copied to another one, and the key that opens that one then."""

    sandbox: str
    target: str
    key: Kept


class Snapping(BaseModel):
    """A sandbox that is to be copied to a snapshot."""

    sandbox: str
    snapshot: str


class Restoring(Snapping):
    """A sandbox that is to go back to a snapshot."""


class Resetting(BaseModel):
    """A sandbox that is to be as it was made."""

    sandbox: str


class Emptying(BaseModel):
    """A workspace that nobody can reach any more, or not yet."""

    workspace: str


Order = Forking | Snapping | Restoring | Resetting | Wanted
ORDERS: dict[str, type[Order]] = {
    SEED: Wanted,
    FORK: Forking,
    SNAP: Snapping,
    RESTORE: Restoring,
    RESET: Resetting,
}
