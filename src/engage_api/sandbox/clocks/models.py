"""What is said of a sandbox's clock, and the row of an advance."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field
from sqlalchemy import BigInteger, Index, text
from sqlmodel import Field as Column
from sqlmodel import SQLModel

from engage_api.access.sandboxes.models import FASTEST
from engage_api.core.model import WHOLE, Form, Input, Model, Moment, Reference, needed, shown_as
from engage_api.db.base import Instant
from engage_api.db.row import KEY

LONGEST = 1_827  # days of one advance: five years
DURATION = (
    r"^P(?:[0-9]{1,3}W|[0-9]{1,5}D|(?:[0-9]{1,5}D)?T(?:[0-9]{1,6}H(?:[0-9]{1,6}M)?(?:[0-9]{1,9}S)?"
    r"|[0-9]{1,6}M(?:[0-9]{1,9}S)?|[0-9]{1,9}S))$"
)
Span = Annotated[
    str,
    Form(
        DURATION,
        "It should be a duration such as P30D, P2W or P1DT12H: weeks, or days, hours, minutes and seconds; "
        "no months or years, for they differ in length",
    ),
]
Mode = Literal["running", "frozen"]
AdvanceState = Literal["running", "done", "failed"]
RUNNING = "running"
_IS_RUNNING = text(f"state = '{RUNNING}'")


class SandboxClock(Model):
    """The clock of a sandbox: what it says, and how it goes on."""

    now: Moment = Field(description="What it says.")
    mode: Mode = Field(description="`frozen`: it stands still until you advance it, or let it run.")
    pace: int = Field(ge=0, description="Seconds of it in one of ours; 0 while it is frozen.", examples=[1])
    advance_id: Reference | None = Field(
        None, description="The advance that is under way; null: none is.", examples=[None]
    )


class SandboxClockUpdate(Input):
    """Changes as a JSON Merge Patch (RFC 7396)."""

    model_config = shown_as(mode="frozen")

    now: Moment | None = Field(
        None, description="Not to be set: make an advance.", json_schema_extra={"readOnly": True}
    )
    mode: Mode | None = needed()
    pace: Annotated[int, Field(ge=1, le=FASTEST), WHOLE] | None = needed()


class AdvanceCreate(Input):
    """How far to move the clock on: one of both."""

    model_config = shown_as(by="P30D")

    to: Moment | None = Field(None, description="To this moment, at most five years ahead.")
    by: Span | None = Field(
        None,
        description="By this long (ISO 8601): weeks, or days, hours, minutes and seconds; at most five years.",
        examples=["P30D"],
    )


class Advance(Model):
    """One move of a sandbox's clock, with all that it let happen."""

    id: str = Field(examples=["adv_01kb0m5xnye0rt2e5v3h4q8zj9"])
    from_: Moment = Field(alias="from", description="What the clock said before.")
    to: Moment = Field(description="What it says when it is done.")
    state: AdvanceState = Field(
        description="`running`: it goes on by itself, and the clock shows how far it is; `failed`: it could not go on, "
        "and the clock stays where it is.",
        examples=["done"],
    )
    moments: int = Field(
        ge=0, description="How much has happened so far: transitions, attempts of webhooks.", examples=[12]
    )
    started_at: Moment = Field(description="When it began, by our clock.")
    finished_at: Moment | None = Field(None, description="When it ended, by our clock; null: it has not.")


class LogHash(Model):
    """The hash of a sandbox's log."""

    hash: str = Field(
        description="Of all events: the same calls in a world of the same seed, with a frozen clock, give the same.",
        examples=["sha256:" + "0" * 64],
    )
    events: int = Field(ge=0, description="How many they are.", examples=[42])
    last_event_id: Reference | None = Field(
        description="The id of the last of them; null: there is none.", examples=["evt_01kb0m5xnye0rt2e5v3h4q8zj9"]
    )


class AdvanceRow(SQLModel, table=True):
    """An advance. Meanwhile the clock stands still wherever it has come to; `pace` is how it goes on after that."""

    __tablename__ = "sandbox_advance"
    __table_args__ = (
        Index(
            "sandbox_advance_running",
            "workspace_id",
            unique=True,
            postgresql_where=_IS_RUNNING,
            sqlite_where=_IS_RUNNING,
        ),
    )

    workspace_id: str = Column(primary_key=True, sa_type=KEY)
    id: str = Column(primary_key=True, sa_type=KEY)
    from_: datetime = Column(sa_type=Instant)
    to: datetime = Column(sa_type=Instant)
    pace: int = Column(sa_type=BigInteger)
    state: str = Column(sa_type=KEY)
    moments: int = Column(sa_type=BigInteger)
    started_at: datetime = Column(sa_type=Instant)
    finished_at: datetime | None = Column(default=None, sa_type=Instant)
