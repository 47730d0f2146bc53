"""Test sends: an event that never happened, signed and posted like any other."""

import json
from functools import cache
from typing import Any

from engage_api.core import clock, ids
from engage_api.core.event_types import matches
from engage_api.core.problem import Fault, InvalidRequest, Problem
from engage_api.db.engine import Database, Transaction
from engage_api.db.kind import Kind
from engage_api.db.log import Line
from engage_api.events.webhooks import deliveries, secrets
from engage_api.events.webhooks.ledger import Standing
from engage_api.events.webhooks.sender import Outcome, Sender
from engage_api.http import examples


class NothingToSignWith(Problem):
    """The secrets of the webhook endpoint cannot be read any more. Create one: `POST …/secrets`."""

    code, status, title = "nothing-to-sign-with", 409, "The webhook endpoint has no secret"


async def send(
    db: Database, sender: Sender, workspace: str, standing: Standing, type_: str | None
) -> tuple[Line, Outcome]:
    """Post an event that is made up. Which one, and what came of it.

    Raises:
        InvalidRequest: the endpoint does not take this type.
        NothingToSignWith: it has no secret.
    """
    event = made_up(standing, workspace, type_)
    keys = await secrets.keys(db, sender.box, workspace, standing.model.id)
    if not keys:
        raise NothingToSignWith
    return event, await sender.attempt(standing.model.url, keys, event.id, event.document)


async def note(
    tx: Transaction, workspace: str, endpoint_id: str, event: Line, outcome: Outcome
) -> tuple[Any, dict[str, Any]]:
    """Write it down: the rows of its delivery and of its attempt."""
    row = await deliveries.add_test(tx, workspace, endpoint_id, event, taken=outcome.taken)
    attempt = outcome.row(workspace, row.id, 1)
    await deliveries.note(tx, [attempt])
    return row, attempt


def made_up(standing: Standing, workspace: str, type_: str | None) -> Line:
    """An event of this type, or of the first type that the endpoint takes; its `data` is an example.

    Raises:
        InvalidRequest: the endpoint does not take this type.
    """
    chosen = type_ or _first(standing.model.types)
    if not any(matches(pattern, chosen) for pattern in standing.model.types):
        raise InvalidRequest(errors=[Fault("not-taken", "The endpoint does not take this type.", pointer="/type")])
    now, data, event_id = clock.wire(clock.business(workspace)), _example(chosen), ids.new("evt_test")
    subject = standing.model.subject or str(data.get("id", "test"))
    event = {
        "specversion": "1.0",
        "id": event_id,
        "source": "/v1",
        "type": chosen,
        "subject": subject,
        "time": now,
        "recordedtime": now,
        "actor": f"application:{standing.model.application_id}",
        "datacontenttype": "application/json",
        "data": data,
    }
    return Line(event_id, json.dumps(event, separators=(",", ":")).encode(), 0, chosen, subject)


def _first(patterns: list[str]) -> str:
    known = (type_ for kind in Kind.known.values() for type_, _ in kind.events())
    taken = next((type_ for type_ in known if any(matches(pattern, type_) for pattern in patterns)), None)
    return taken or patterns[0].replace("*", "test")


@cache
def _example(type_: str) -> dict[str, Any]:
    """The resource as the description shows it; of a signal, something."""
    kind = next((kind for kind in Kind.known.values() for known, _ in kind.events() if known == type_), None)
    if kind is None:
        return {"test": True}
    schema = kind.public.model_json_schema(mode="serialization", ref_template="#/$defs/{model}")
    found: dict[str, Any] = examples.of(schema, schema.get("$defs", {}))
    return found
