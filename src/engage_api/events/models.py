"""An event as it is answered, and how events are asked for."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, Field, StringConstraints
from pydantic_core import PydanticCustomError

from engage_api.core.event_types import Pattern, matches
from engage_api.core.model import Moment, Query, Reference
from engage_api.db.kind import Kind
from engage_api.http.pages import USUAL, Cursor, Limit

Subject = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f-\x9f]+$")]
"""What an event is about: the id of a resource, or whatever a signal calls it."""


class Event(BaseModel):
    """Something that happened (CloudEvents 1.0 in JSON). The names are those of the standard: lower case, one word."""

    specversion: Literal["1.0"]
    id: str = Field(examples=["evt_01kb0m5xnye0rt2e5v3h4q8zj9"])
    source: str = Field(examples=["/v1"])
    type: str = Field(
        description="`engage.<resource>.<what happened>.v1`, or of a signal `x.<organization>.<name>`.",
        examples=["engage.case.delivered.v1"],
    )
    subject: str = Field(
        description="The id of the resource, or what a signal is about.", examples=["cas_01kb0m5xnye0rt2e5v3h4q8zj9"]
    )
    time: Moment = Field(description="When it happened.")
    recordedtime: Moment = Field(description="When it was written down.")
    actor: str = Field(
        description="Who did it: `application:`, `person:` or `customer:` and an id; `anonymous`; `clock`, for time.",
        examples=["application:app_operator"],
    )
    datacontenttype: Literal["application/json"]
    sequence: str | None = Field(
        None, description="Its number in the log, without gaps; only for those who see the whole log.", examples=["42"]
    )
    data: dict[str, Any] = Field(
        description="The resource as it was after the event, or before its deletion; of a signal what was sent."
    )


def require_known(pattern: str) -> str:
    """A pattern that names something: a slip such as `engage.case` for `engage.case.*` would be silent for ever.

    Raises:
        PydanticCustomError: it names neither signals nor any type of event that there is.
    """
    known = (type_ for kind in Kind.known.values() for type_, _ in kind.events())
    if pattern.startswith("x.") or any(matches(pattern, type_) for type_ in known):
        return pattern
    raise PydanticCustomError(
        "unknown-type", "There is no such type of event: name one, or the beginning of some and `.*`, or `*`"
    )


LONGEST_WAIT = 30  # seconds: shorter than the patience of most proxies


class Selection(Query):
    """Which events."""

    type: Annotated[Pattern, AfterValidator(require_known)] | None = Field(
        None,
        description="Only this type, such as `engage.case.delivered.v1`, or all that begin so: `engage.case.*`. One "
        "that names no event there can be is refused.",
        examples=["engage.case.*"],
    )
    subject: Subject | None = Field(
        None, description="Only what happened to the resource with this id, or to what a signal is about."
    )

    def filters(self) -> dict[str, str]:
        """The filters that were given."""
        return {name: value for name in ("type", "subject") if (value := getattr(self, name)) is not None}


class EventQuery(Selection):
    """Which events on a page."""

    limit: Limit = USUAL
    cursor: Cursor | None = Field(None, description="`nextCursor` of the page before.")
    after: Reference | None = Field(None, description="The id of an event: only those after it. Not with `cursor`.")
    wait: int = Field(
        0,
        ge=0,
        le=LONGEST_WAIT,
        description="Seconds to wait for an event when there is none yet. The page is empty when none came.",
    )


class StreamQuery(Selection):
    """Which events on a stream."""

    after: Reference | None = Field(
        None, description="The id of an event: begin after it. `Last-Event-ID` goes before. Without both: from now on."
    )
