"""The jobs of endpoints, as they are asked for."""

from datetime import datetime

from pydantic import BaseModel

from engage_api.core import clock
from engage_api.db.engine import Transaction
from engage_api.jobs import queue

DELIVER = "webhook.deliver"
FORGET = "webhook.forget"


class Wanted(BaseModel):
    """Which endpoint."""

    endpoint: str


async def ask(tx: Transaction, endpoint_id: str, at: datetime | None = None, *, workspace: str | None = None) -> None:
    """Let what waits for an endpoint be sent, now or at this time of the host.

    One job at a time does that. If there is one that begins later than asked for, it begins then; if it is under way,
    it looks once more before it ends, because whoever asks has locked the endpoint's health. A time that has passed is
    now: who has waited longest for an endpoint does not go before other endpoints.
    """
    now = clock.host()
    wanted, at = Wanted(endpoint=endpoint_id), now if at is None else max(at, now)
    made = await queue.enqueue(tx, DELIVER, wanted, workspace=workspace, run_at=at, unique_key=endpoint_id)
    if made is None:
        await queue.hasten(tx, DELIVER, endpoint_id, workspace=workspace, to=at)


async def ask_to_forget(tx: Transaction, endpoint_id: str) -> None:
    """Let the deliveries of an endpoint that is gone be deleted."""
    await queue.enqueue(tx, FORGET, Wanted(endpoint=endpoint_id), run_at=clock.host())
