"""Parts of a case that have no id of their own."""

from pydantic import Field

from engage_api.core.model import Input, Moment, Name, Reference, Text, Word


class InformationNeeded(Input):
    """Something that is needed before the case can go on."""

    name: Name = Field(description="What is needed.", examples=["floor plan"])
    description: Text | None = Field(None, description="More about it.")
    received: bool = Field(False, description="Whether it has come in.")


class Decision(Input):
    """What was decided, and why."""

    result: Name = Field(description="What was decided, in your own words.", examples=["granted"])
    reason: Text | None = Field(None, description="Why.")
    decided_at: Moment | None = Field(None, description="When.")


class Participant(Input):
    """Somebody who has a part in the case."""

    role: Word = Field(description="The part.", examples=["applicant"])
    name: Name = Field(description="Who it is.", examples=["Zoë de Vries"])
    customer_id: Reference | None = Field(None, description="Their id, where they are a customer.")
