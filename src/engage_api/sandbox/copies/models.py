"""Snapshots, and what a caller may say of copies."""

from collections.abc import Iterator
from typing import Any, Literal

from pydantic import Field
from sqlalchemy import Index
from sqlmodel import Field as Column

from engage_api.core.model import Input, Model, Moment, Name, Reference, Resource, shown_as
from engage_api.db.kind import Equal, Kind
from engage_api.db.row import KEY, Row

SnapshotState = Literal["copying", "ready", "failed"]


class ForkCreate(Input):
    """A copy of a sandbox that goes its own way from here on."""

    model_config = shown_as(name="What if")

    name: Name | None = Field(None, description="null: the parent's.", examples=["What if"])


class SnapshotCreate(Input):
    """A snapshot of a sandbox as it is now."""

    name: Name = Field("Snapshot", examples=["Before the storm"])


class RestorationCreate(Input):
    """What the sandbox is to go back to."""

    snapshot_id: Reference = Field(
        description="A snapshot of this sandbox.", examples=["snp_01kb0m5xnye0rt2e5v3h4q8zj9"]
    )


class ResetCreate(Input):
    """Nothing is to be said about it."""


class SnapshotBase(Model):
    """What its owner says of a snapshot."""

    name: Name = Field(examples=["Before the storm"])


class Snapshot(SnapshotBase, Resource):
    """A sandbox as it was, to go back to. Nothing changes it."""

    id: str = Field(examples=["snp_01kb0m5xnye0rt2e5v3h4q8zj9"])
    sandbox_id: Reference = Field(examples=["sbx_01kb0m5xnye0rt2e5v3h4q8zj9"])
    state: SnapshotState = Field(
        description="`ready`: you can go back to it, and export it. `failed`: it was not finished; delete it."
    )
    clock: Moment = Field(description="What the sandbox's clock said.")
    pace: int = Field(description="Seconds of that clock in one of ours; 0: it stood still.", examples=[1])
    ids: int = Field(description="How many ids the sandbox had given out.", examples=[812])
    events: int = Field(description="How many events its log had.", examples=[431])


class SnapshotRow(Row, table=True):
    """A snapshot's row, in the live workspace: its id alone names the workspace that has what was in the sandbox."""

    __tablename__ = "sandbox_snapshot"
    __table_args__ = (
        Index("sandbox_snapshot_of", "workspace_id", "sandbox_id", "created_at", "id"),
        Index("sandbox_snapshot_updated", "workspace_id", "sandbox_id", "updated_at", "id"),
    )

    sandbox_id: str = Column(sa_type=KEY)
    state: str = Column(sa_type=KEY)


def _columns(snapshot: Snapshot) -> dict[str, Any]:
    return {"sandbox_id": snapshot.sandbox_id, "state": snapshot.state}


def _words(snapshot: Snapshot) -> Iterator[str]:
    yield snapshot.name


SNAPSHOT = Kind(
    "sandbox-snapshot",
    "snp",
    Snapshot,
    SnapshotRow,
    _columns,
    _words,
    filters={"sandbox_id": Equal("sandbox_id"), "state": Equal("state")},
    happens={
        "created": "A snapshot of a sandbox was begun, or made at once.",
        "ready": "The snapshot is whole: one can go back to it.",
        "failed": "The snapshot could not be finished.",
        "deleted": "The snapshot was deleted.",
    },
)
