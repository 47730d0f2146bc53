"""A world as a file: JSON Lines, one thing in each. First its head, then resources, then its log, then its end."""

from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from engage_api.access.sandboxes.models import FASTEST, Persona, Size
from engage_api.cases.models import CASE
from engage_api.cases.tasks.models import TASK
from engage_api.core.event_types import Type
from engage_api.core.model import Input, Metadata, Moment, Name
from engage_api.core.problem import Problem
from engage_api.customers.models import CUSTOMER
from engage_api.db.kind import Kind
from engage_api.events.models import Subject
from engage_api.events.webhooks.models import WEBHOOK_ENDPOINT
from engage_api.offers.models import OFFER
from engage_api.sandbox.models import Seed

FILED: tuple[Kind[Any], ...] = (CUSTOMER, CASE, TASK, OFFER, WEBHOOK_ENDPOINT)
"""The kinds of resources that a file has, each after those that it refers to."""
MEDIA_TYPE = "application/jsonl"
LONGEST = 1_048_576  # bytes of a line
Whole = Annotated[int, Field(ge=0, le=2**53)]
Pace = Annotated[int, Field(ge=0, le=FASTEST)]


class BrokenFile(Problem):
    """The file is not one that an export has written, or somebody has changed it.

    `line` says where; when what is wrong is inside that line, `errors` says what. Nothing of it was imported.
    """

    code, status, title = "broken-file", 400, "The file cannot be imported"


class Who(Input):
    """A persona, as `Persona` shows it."""

    name: Name
    role: Annotated[str, StringConstraints(max_length=100)]
    language: Annotated[str, StringConstraints(max_length=35)]
    customer_id: Annotated[str, StringConstraints(max_length=64)] | None
    story: Annotated[str, StringConstraints(max_length=1_000)]

    def shown(self) -> Persona:
        """The same as it is answered."""
        return Persona.model_construct(**dict(self))


class Head(Input):
    """What world it is: how it was made, what its clock said, and how much it had given out and written down."""

    format: Literal["engage-sandbox-1"]
    name: Name
    size: Size
    seed: Seed
    starts_at: Moment
    start_pace: Pace
    clock: Moment
    pace: Pace
    ids: Whole
    base_ids: Whole
    base_events: Whole
    personas: Annotated[list[Who], Field(max_length=100)]
    metadata: Metadata


class ResourceLine(Input):
    """A resource, as it is answered."""

    kind: Annotated[str, StringConstraints(max_length=50)]
    document: dict[str, Any]


class FiledEvent(Input):
    """An event, as it is answered to who sees the whole log."""

    specversion: Literal["1.0"]
    id: Annotated[str, StringConstraints(pattern=r"^evt_[0-7][0-9a-hjkmnp-tv-z]{25}$")]
    source: Literal["/v1"]
    type: Type
    subject: Subject
    time: Moment
    recordedtime: Moment
    actor: Annotated[str, StringConstraints(pattern=r"^[a-z-]{1,20}(:[A-Za-z0-9_-]{1,64})?$")]
    datacontenttype: Literal["application/json"]
    sequence: Annotated[str, StringConstraints(pattern=r"^[1-9][0-9]{0,15}$")]
    data: dict[str, Any]


class EventLine(Input):
    """An event."""

    event: FiledEvent


class End(Input):
    """How much it was."""

    resources: Whole
    events: Whole


class EndLine(Input):
    """The last line: without it the file is only the beginning of one."""

    end: End
