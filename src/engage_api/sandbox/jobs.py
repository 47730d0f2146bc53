"""What is done with sandboxes later: the names of the jobs, and what each is told."""

from pydantic import BaseModel

SEED, EXPIRE, WIPE = "sandbox.seed", "sandbox.expire", "sandbox.wipe"


class Wanted(BaseModel):
    """Which sandbox is to be filled."""

    sandbox: str


class Ended(BaseModel):
    """Which sandbox is to be emptied, and of which application it was."""

    sandbox: str
    application: str
