"""What a caller may say of a sandbox. The sandbox itself stands in `access.sandboxes`, for organizations get one."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from engage_api.access.sandboxes.models import (
    FASTEST,
    SANDBOX,
    Persona,
    Sandbox,
    SandboxBase,
    SandboxState,
    Size,
    Work,
)
from engage_api.core.model import Form, Input, Metadata, MetadataPatch, Moment, Name, Whole, needed, shown_as

__all__ = [
    "SANDBOX",
    "ClockStart",
    "Persona",
    "Sandbox",
    "SandboxCreate",
    "SandboxFields",
    "SandboxState",
    "SandboxUpdate",
    "SandboxWithKey",
    "Size",
    "Work",
]

Mode = Literal["running", "frozen"]
Lifetime = Annotated[
    str,
    Form(
        r"^(P[0-9]{1,2}D|PT[0-9]{1,4}[HM])$",
        "It should be a duration in days, hours or minutes, such as P7D, PT12H or PT30M",
    ),
]
Seed = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=r"^[ -~]+$")]


class ClockStart(Input):
    """How the clock of a new sandbox begins."""

    now: Moment | None = Field(None, description="What it says then, from 2001 to 2099; null: the present time.")
    mode: Mode = Field("running", description="`frozen`: it stands still until you advance it.")
    pace: Whole = Field(1, ge=1, le=FASTEST, description="Seconds of it in one of ours, while it runs.")


class SandboxCreate(Input):
    """A new sandbox. Everything has a default: `{}` makes a tiny one."""

    model_config = shown_as(name="Weekend", size="tiny")

    name: Name = "Sandbox"
    size: Size = Field(
        "tiny",
        description="How much is in it, from a dozen customers to 100,000. Without an account: up to `small`.",
    )
    seed: Seed | None = Field(
        None, description="What it is filled from: the same seed makes the same; null: one that nobody else has."
    )
    clock: ClockStart | None = Field(None, description="null: it says the present time and runs.")
    lifetime: Lifetime | None = Field(
        None, description="How long it stays (ISO 8601), at most `P90D`; null: `P30D`, without an account `P3D`."
    )
    metadata: Metadata = Field(default_factory=dict)


class SandboxFields(SandboxBase, Input):
    """What can be changed of a sandbox."""

    expires_at: Moment | None = None


class SandboxUpdate(Input):
    """Changes as a JSON Merge Patch (RFC 7396)."""

    model_config = shown_as(name="Weekend 2")

    name: Name | None = needed()
    expires_at: Moment | None = Field(
        None, description="When it goes, at most 90 days after it was made, without an account 3."
    )
    metadata: MetadataPatch | None = None


class SandboxWithKey(Sandbox):
    """A new sandbox, with the key to it. The key is shown this once."""

    key: str = Field(examples=["eng_test_key_" + "0" * 36])
