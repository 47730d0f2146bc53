"""The sandbox as it is kept in the live workspace. What is in it is kept in the workspace of the same id."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Literal

from pydantic import Field
from sqlalchemy import Index
from sqlmodel import Field as Column

from engage_api.core.model import Metadata, Model, Moment, Name, Reference, Resource
from engage_api.db.base import Instant
from engage_api.db.kind import Equal, Kind
from engage_api.db.row import KEY, Row

Size = Literal["empty", "tiny", "small", "medium", "large"]
SandboxState = Literal["seeding", "ready", "copying", "resetting", "restoring", "failed"]
FASTEST = 86_400  # seconds of a sandbox's clock in one of the host's: a day


class Persona(Model):
    """Somebody in the sandbox whom it is worth to know."""

    name: str = Field(examples=["Zoë de Vries"])
    role: str = Field(description="Who they are in the story.", examples=["customer"])
    language: str = Field(description="BCP 47.", examples=["nl"])
    customer_id: Reference | None = Field(None, description="The customer that they are; null: they are staff.")
    story: str = Field(description="What is going on with them.", examples=["Waits for a permit that is late."])


class Work(Model):
    """What a sandbox is busy with."""

    kind: str = Field(examples=["seeding"])
    done: int = Field(examples=[40])
    total: int = Field(description="0 as long as nobody knows.", examples=[100])


class SandboxBase(Model):
    """What its owner says of a sandbox."""

    name: Name = Field(examples=["Weekend"])
    metadata: Metadata = Field(default_factory=dict)


class Sandbox(SandboxBase, Resource):
    """A sandbox: a closed world of data made for trying, with a clock of its own."""

    id: str = Field(description="Also that of its workspace.", examples=["sbx_01kb0m5xnye0rt2e5v3h4q8zj9"])
    size: Size = Field(description="How much it was filled with.")
    seed: str = Field(description="What it was filled from: the same seed makes the same.", examples=["spring"])
    state: SandboxState = Field(description="`ready`: it can be written to.", examples=["ready"])
    parent_id: Reference | None = Field(None, description="The sandbox that it is a copy of.", examples=[None])
    starts_at: Moment = Field(description="What its clock said when it was made.")
    start_pace: int = Field(
        description="Seconds of its clock in one of ours, as it was made; 0: its clock stood still.", examples=[1]
    )
    expires_at: Moment | None = Field(None, description="When it goes, in our time; null: it stays.")
    personas: list[Persona] = Field(default_factory=list, description="Whom to look for in it.")
    work: Work | None = Field(None, description="What it is busy with; null: nothing.", examples=[None])


class SandboxRow(Row, table=True):
    """A sandbox's row, in the live workspace: its id alone names the workspace that it stands for."""

    __tablename__ = "sandbox"
    __table_args__ = (
        Index("sandbox_created", "workspace_id", "created_at", "id"),
        Index("sandbox_updated", "workspace_id", "updated_at", "id"),
        Index("sandbox_made_by", "workspace_id", "made_by", "created_at", "id"),
        {"info": {"shared": True}},
    )

    state: str = Column(sa_type=KEY)
    expires_at: datetime | None = Column(default=None, sa_type=Instant)


def _columns(sandbox: Sandbox) -> dict[str, Any]:
    return {"state": sandbox.state, "expires_at": sandbox.expires_at}


def _words(sandbox: Sandbox) -> Iterator[str]:
    yield sandbox.name


SANDBOX = Kind(
    "sandbox",
    "sbx",
    Sandbox,
    SandboxRow,
    _columns,
    _words,
    filters={"state": Equal("state")},
    happens={
        "created": "A sandbox was made.",
        "updated": "Fields of the sandbox changed.",
        "ready": "The sandbox can be written to.",
        "copying": "The sandbox is being copied, and cannot be written to meanwhile.",
        "resetting": "The sandbox goes back to how it was made.",
        "restoring": "The sandbox goes back to a snapshot.",
        "failed": "What the sandbox was busy with could not be done.",
        "expired": "The sandbox came to the end of its time, and goes with all that is in it.",
        "deleted": "The sandbox was deleted, and goes with all that is in it.",
    },
)
