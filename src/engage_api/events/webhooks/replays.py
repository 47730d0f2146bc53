"""Sending again: one delivery, or all events of a span of time."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import bindparam, select

from engage_api.core.problem import Fault, InvalidRequest, NotFound, Problem
from engage_api.db import log
from engage_api.db.engine import Database, Transaction
from engage_api.db.log import Head
from engage_api.db.row import EventRow
from engage_api.db.sql import Query
from engage_api.events.webhooks import deliveries, drains, ledger
from engage_api.events.webhooks.delivery_models import WebhookReplay
from engage_api.events.webhooks.fanout import PORTION, wanted_by
from engage_api.events.webhooks.ledger import Standing
from engage_api.events.webhooks.models import WebhookEndpoint
from engage_api.events.webhooks.service import EndpointDisabled

MOST = 10_000  # events of one replay
LOOKS = 100_000  # events that are looked at for them
SLACK = timedelta(seconds=15)  # by which the order of numbers and that of times may differ: longer than a transaction
FIRST = datetime.min.replace(tzinfo=UTC)

_event = EventRow.__table__  # type: ignore[attr-defined]
_PROBE = Query(
    select(_event.c.sequence, _event.c.recorded_time)
    .where(_event.c.workspace_id == bindparam("workspace"), _event.c.sequence > bindparam("after"))
    .order_by(_event.c.sequence)
    .limit(1)
)


class NotResendable(Problem):
    """A test was of an event that never happened. Make another test instead."""

    code, status, title = "not-resendable", 409, "A test is not sent again"


class TooManyWaiting(Problem):
    """10,000 deliveries wait for this endpoint already. Replay the rest once they have been sent."""

    code, status, title = "too-many-waiting", 409, "Enough deliveries wait for the webhook endpoint"


async def heads(db: Database, standing: Standing, wanted: WebhookReplay) -> list[Head]:
    """The events of the span that the endpoint takes and its application may see.

    Raises:
        InvalidRequest: the span is none, or there are too many events in it.
    """
    if wanted.to <= wanted.from_:
        raise InvalidRequest(errors=[Fault("span", "It must be later than `from`.", pointer="/to")])
    if standing.principal is None:
        return []
    found: list[Head] = []
    after, looked, everything = await _place(db, standing, _before(wanted.from_)), 0, standing._replace(starts_after=0)
    while True:
        some = await log.heads(db, standing.principal, after=after, limit=PORTION)
        inside = [head for head in some if wanted.from_ <= head.recorded_time < wanted.to]
        found += wanted_by(everything, inside, wanted.types)
        looked += len(some)
        if len(found) > MOST or looked > LOOKS:
            told = f"There are more than {MOST:,} events in it, or too many to look through: choose a shorter span."
            raise InvalidRequest(errors=[Fault("too-many", told, pointer="/to")])
        if len(some) < PORTION or _before(some[-1].recorded_time) > wanted.to:
            return found
        after = some[-1].sequence


async def replay(tx: Transaction, workspace: str, endpoint: WebhookEndpoint, found: list[Head]) -> None:
    """Put these on their way, whether or not they have been there.

    Raises:
        EndpointDisabled: nothing is sent there.
        TooManyWaiting: as many as one replay may put there wait already.
    """
    await _require_open(tx, workspace, endpoint.id)
    if await deliveries.waiting(tx, workspace, endpoint.id, MOST) >= MOST:
        raise TooManyWaiting
    await deliveries.replay(tx, workspace, endpoint.id, found)
    await drains.ask(tx, endpoint.id)


async def resend(tx: Transaction, workspace: str, endpoint_id: str, delivery_id: str) -> object:
    """Put a delivery on its way again, with all its attempts. Its row.

    Raises:
        EndpointDisabled: nothing is sent there.
        NotResendable: it was a test.
    """
    await _require_open(tx, workspace, endpoint_id)
    row = await deliveries.find(tx, workspace, delivery_id)
    if row is None:
        raise NotFound
    if row.test:
        raise NotResendable
    await deliveries.again(tx, workspace, delivery_id)
    await drains.ask(tx, endpoint_id)
    return await deliveries.find(tx, workspace, delivery_id)


async def _require_open(tx: Transaction, workspace: str, endpoint_id: str) -> None:
    if await ledger.lock(tx, workspace, endpoint_id) is None:
        raise NotFound
    if (await ledger.model(tx, workspace, endpoint_id)).state == "disabled":
        raise EndpointDisabled


async def _place(db: Database, standing: Standing, moment: datetime) -> int:
    """The number of an event before this time, close to it: halving finds it without an index of times."""
    assert standing.principal is not None  # noqa: S101  # the caller has seen to it
    workspace = standing.principal.workspace
    low, high = 0, await log.last(db, workspace)
    while low < high:
        middle = (low + high) // 2
        row = await db.one(_PROBE, workspace, workspace=workspace, after=middle)
        if row is None or row.recorded_time >= moment:
            high = middle
        else:
            low = int(row.sequence)
    return low


def _before(moment: datetime) -> datetime:
    """The slack before it; there is no time before the year 1."""
    return max(moment, FIRST + SLACK) - SLACK
