"""Test sends: an event that never happened, signed and posted like any other."""

import json
from functools import cache
from typing import Any

from engage_api.core import clock, ids
from engage_api.core.event_types import matches
from engage_api.core.principal import Principal
from engage_api.core.problem import Fault, InvalidRequest, Problem, TooManyRequests
from engage_api.db.engine import Database, Transaction
from engage_api.db.kind import Kind
from engage_api.db.log import Line
from engage_api.events.webhooks import deliveries, secrets
from engage_api.events.webhooks.ledger import Standing
from engage_api.events.webhooks.sender import Outcome, Sender
from engage_api.http import examples

AT_ONCE = 4  # tests of an application in this process: each may take 15 s and holds a connection


class NothingToSignWith(Problem):
    """The secrets of the webhook endpoint cannot be read any more. Create one: `POST …/secrets`."""

    code, status, title = "nothing-to-sign-with", 409, "The webhook endpoint has no secret"


class Trial:
    """A test of an endpoint that an application asks for: sent first, then written down."""

    def __init__(self, db: Database, sender: Sender, standing: Standing, event: Line, who: Principal) -> None:
        self._db, self._sender, self.standing, self._event = db, sender, standing, event
        self._who = who
        self._outcome: Outcome | None = None

    async def send(self) -> None:
        """Post it.

        Raises:
            TooManyRequests: four of the application are under way.
            NothingToSignWith: the endpoint has no secret.
        """
        at, under_way = self.standing.model, self._sender.tests
        keys = await secrets.keys(self._db, self._sender.box, self._who.workspace, at.id)
        if not keys:
            raise NothingToSignWith
        if under_way[self._who.application] >= AT_ONCE:
            raise TooManyRequests(f"{AT_ONCE} tests are under way already.", headers={"Retry-After": "1"})
        under_way[self._who.application] += 1
        try:
            self._outcome = await self._sender.attempt(
                at.url, keys, self._event.id, self._event.document, self._who.organization
            )
        finally:
            under_way[self._who.application] -= 1
            if not under_way[self._who.application]:
                del under_way[self._who.application]

    async def note(self, tx: Transaction) -> tuple[Any, dict[str, Any]]:
        """Write it down: the rows of its delivery and of its attempt."""
        outcome, workspace = self._outcome, self._who.workspace
        assert outcome is not None  # noqa: S101  # it has been sent
        row = await deliveries.add_test(tx, workspace, self.standing.model.id, self._event, taken=outcome.taken)
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
