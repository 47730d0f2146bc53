"""Signals: events from outside, of what our resources know nothing about."""

import json
from datetime import timedelta
from typing import Annotated, Any

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from engage_api.core import clock
from engage_api.core.event_types import SignalType
from engage_api.core.model import Input, Moment
from engage_api.core.principal import Principal
from engage_api.core.problem import Fault, InvalidRequest
from engage_api.db import log
from engage_api.db.engine import Transaction
from engage_api.events.models import Subject

LARGEST = 65_536  # bytes of `data`, as it is kept
AHEAD = timedelta(minutes=5)  # as far as clocks differ


def _rendered(data: dict[str, Any]) -> bytes:
    return json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


def _bounded(data: dict[str, Any]) -> dict[str, Any]:
    if len(_rendered(data)) > LARGEST:
        raise PydanticCustomError("too_long", "It should have at most 65,536 bytes")
    return data


class SignalCreate(Input):
    """Something that happened elsewhere."""

    type: SignalType = Field(
        description="`x.`, the id of your organization, and a name: words in lower case, joined by dots.",
        examples=["x.org_demo.meter.exceeded"],
    )
    subject: Subject = Field(
        description="What it is about: the id of a resource, or whatever you call it.", examples=["meter-4711"]
    )
    time: Moment | None = Field(None, description="When it happened, at most 5 minutes ahead; if not now.")
    data: Annotated[dict[str, Any], AfterValidator(_bounded)] = Field(
        description="What there is to say of it, at most 64 KB.", examples=[{"limit": 80, "measured": 93.5}]
    )


async def write(tx: Transaction, principal: Principal, wanted: SignalCreate) -> bytes:
    """Write a signal into the log: the event as it will be read but for its number.

    Raises:
        InvalidRequest: the type is not of the caller's organization, or the time is too far ahead.
    """
    now, own, errors = clock.business(principal.workspace), f"x.{principal.organization}.", []
    if not wanted.type.startswith(own):
        errors.append(Fault("not-yours", f"The types of your organization begin with {own}", pointer="/type"))
    if wanted.time is not None and wanted.time > now + AHEAD:
        errors.append(Fault("in-the-future", "More than 5 minutes ahead.", pointer="/time"))
    if errors:
        raise InvalidRequest(errors=errors)
    data, time = _rendered(wanted.data), wanted.time or now
    return await log.tell(tx, principal, log.Entry(wanted.type, wanted.subject, principal.application, data, time))
