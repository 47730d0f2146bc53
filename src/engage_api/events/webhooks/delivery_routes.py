"""Deliveries over HTTP: what was sent, sending it again, and tests."""

import json
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from pydantic import Field

from engage_api.core.model import Query as Parameters
from engage_api.core.model import Reference
from engage_api.core.problem import NotFound
from engage_api.db.engine import Transaction
from engage_api.events.webhooks import deliveries, ledger, replays, trials
from engage_api.events.webhooks.delivery_models import (
    AnswerShown,
    Attempt,
    DeliveryState,
    WebhookDelivery,
    WebhookDeliveryWithAttempts,
    WebhookReplay,
    WebhookReplayed,
    WebhookTestCreate,
)
from engage_api.events.webhooks.ledger import Standing
from engage_api.events.webhooks.models import WEBHOOK_ENDPOINT
from engage_api.events.webhooks.routes import PATH, Read, Write
from engage_api.http import etags, pages
from engage_api.http.call import Call
from engage_api.http.idempotency import Answer
from engage_api.http.pages import USUAL, Cursor, Limit, Page
from engage_api.http.route import DirectRoute
from engage_api.http.strict import json_body

router = APIRouter(tags=["Webhooks"], route_class=DirectRoute)
Test = Annotated[WebhookTestCreate, json_body(WebhookTestCreate)]
ANY = WebhookTestCreate()
Replay = Annotated[WebhookReplay, json_body(WebhookReplay)]


class DeliveryQuery(Parameters):
    """Which deliveries."""

    limit: Limit = USUAL
    cursor: Cursor | None = Field(None, description="`nextCursor` of the page before.")
    state: DeliveryState | None = Field(None, description="Only those in this state.")
    event_id: Reference | None = Field(None, description="Only that of this event.")

    def filters(self) -> dict[str, str]:
        """The filters that were given."""
        return {name: value for name in ("state", "event_id") if (value := getattr(self, name)) is not None}


@router.get(f"{PATH}/{{endpoint_id}}/deliveries", response_model=Page[WebhookDelivery], summary="List deliveries")
async def list_webhook_deliveries(endpoint_id: str, call: Read, query: Annotated[DeliveryQuery, Query()]) -> Response:
    """What was sent to an endpoint or is to be, the newest first.

    Each is kept for 30 days after it changed last; what waits longer at a paused endpoint is not sent any more.
    """
    at = await _standing(call, endpoint_id)
    workspace, cursors, filters = call.principal.workspace, call.services.cursors, query.filters()
    context = f"{workspace} {endpoint_id} deliveries {json.dumps(filters, sort_keys=True)}"
    before = cursors.open(query.cursor, context)[1] if query.cursor else None
    more = query.limit + 1
    rows = await deliveries.page(call.db, workspace, endpoint_id, before=before, limit=more, filters=filters)
    following = cursors.make(("", rows[query.limit - 1].id), context) if len(rows) == more else None
    return pages.render(call.request, [_bytes(shown(row, at)) for row in rows[: query.limit]], following)


@router.get("/webhook-deliveries/{delivery_id}", response_model=WebhookDeliveryWithAttempts, summary="Read a delivery")
async def get_webhook_delivery(delivery_id: str, call: Read) -> Response:
    """With its newest 50 attempts: when, what was answered, and how long it took."""
    row, at = await _visible(call, delivery_id)
    return etags.answer(call.request, _bytes(await _with_attempts(call, row, at)))


@router.post(
    "/webhook-deliveries/{delivery_id}/resends",
    status_code=202,
    response_model=WebhookDelivery,
    summary="Send a delivery again",
    openapi_extra={"x-problems": ["endpoint-disabled", "not-resendable"]},
)
async def resend_webhook_delivery(delivery_id: str, call: Write) -> Response:
    """With the same `webhook-id` and the same bytes, and with all attempts if it fails.

    An endpoint that fails is left alone for up to five minutes after an attempt; the transition to `enabled` ends that.
    """
    (row, at), workspace = await _visible(call, delivery_id), call.principal.workspace

    async def work(tx: Transaction) -> Answer:
        return Answer(202, _bytes(shown(await replays.resend(tx, workspace, row.endpoint_id, delivery_id), at)))

    return await call.services.once.run(call.request, call.principal, work)


@router.post(
    f"{PATH}/{{endpoint_id}}/replays",
    status_code=202,
    response_model=WebhookReplayed,
    summary="Send the events of a span of time again",
    openapi_extra={"x-problems": ["endpoint-disabled", "too-many-waiting"]},
)
async def replay_webhook_events(endpoint_id: str, call: Write, body: Replay) -> Response:
    """All that the endpoint takes, whether it was sent before or not: queued in the order of the log, and sent in that
    order if the endpoint is `ordered`. A span with more than 10,000 is refused: choose shorter ones.
    """
    standing, workspace = await _standing(call, endpoint_id), call.principal.workspace
    found = await replays.heads(call.db, standing, body)

    async def work(tx: Transaction) -> Answer:
        await replays.replay(tx, workspace, standing.model, found)
        return Answer(202, _bytes(WebhookReplayed(queued=len(found))))

    return await call.services.once.run(call.request, call.principal, work)


@router.post(
    f"{PATH}/{{endpoint_id}}/test-deliveries",
    status_code=201,
    response_model=WebhookDeliveryWithAttempts,
    summary="Send a test event",
    openapi_extra={"x-problems": ["nothing-to-sign-with"]},
)
async def test_webhook_endpoint(endpoint_id: str, call: Write, body: Test = ANY) -> Response:  # noqa: PT028  # no test of ours
    """An event that never happened, signed like any other. The answer shows what came of it, after 15 s at most.

    It is tried once, in whatever state the endpoint is. Its `webhook-id` begins with `evt_test_`. An application can
    have four under way at once.
    """
    test = await _trial(call, endpoint_id, body)

    async def work(tx: Transaction) -> Answer:
        row, attempt = await test.note(tx)
        return Answer(201, _bytes(_whole(row, test.standing, [tried(attempt)])))

    return await call.services.once.run(call.request, call.principal, work, before=test.send)


async def _standing(call: Call, endpoint_id: str) -> Standing:
    """The endpoint, if the caller may see it."""
    await call.require(WEBHOOK_ENDPOINT, endpoint_id)
    found = await ledger.one(call.db, call.principal.workspace, endpoint_id)
    if found is None:
        raise NotFound
    return found


async def _trial(call: Call, endpoint_id: str, body: WebhookTestCreate) -> trials.Trial:
    standing = await _standing(call, endpoint_id)
    event = trials.made_up(standing, call.principal.workspace, body.type)
    return trials.Trial(call.db, call.services.webhooks, standing, event, call.principal)


async def _visible(call: Call, delivery_id: str) -> tuple[Any, Standing]:
    """The row of a delivery to an endpoint that the caller may see, and the endpoint."""
    row = await deliveries.read(call.db, call.principal.workspace, delivery_id)
    if row is None:
        raise NotFound
    return row, await _standing(call, row.endpoint_id)


async def _with_attempts(call: Call, row: Any, at: Standing) -> WebhookDeliveryWithAttempts:
    found = await deliveries.attempts(call.db, call.principal.workspace, row.id)
    return _whole(row, at, [tried(one._asdict()) for one in found])


def _whole(row: Any, at: Standing, log: list[Attempt]) -> WebhookDeliveryWithAttempts:
    return WebhookDeliveryWithAttempts(**dict(shown(row, at)), log=log)


def shown(row: Any, at: Standing) -> WebhookDelivery:
    """A delivery as it is answered. Nothing is tried while the endpoint is not sent to, or is left alone."""
    pending = row.state == "pending"
    tried = pending and at.model.state in ("enabled", "failing")
    same = {name: getattr(row, name) for name in ("id", "endpoint_id", "event_id", "type", "test", "state")}
    return WebhookDelivery(
        **same,
        attempts=row.attempts,
        created_at=row.created_at,
        next_attempt_at=max(row.due_at, at.health.open_until or row.due_at) if tried else None,
        finished_at=None if pending else row.changed_at,
    )


def tried(row: dict[str, Any]) -> Attempt:
    """An attempt as it is answered."""
    answer = None
    if row["status"] is not None:
        body = row["answer_body"].decode(errors="replace")
        answer = AnswerShown(status=row["status"], headers=row["answer_headers"], body=body)
    same = {name: row[name] for name in ("number", "at", "milliseconds", "request_headers", "error")}
    return Attempt(**same, answer=answer)


def _bytes(model: Any) -> bytes:
    return bytes(model.__pydantic_serializer__.to_json(model, by_alias=True))
