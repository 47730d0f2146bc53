"""The jobs of endpoints, as they are asked for."""

from datetime import datetime, timedelta

from pydantic import BaseModel

from engage_api.core import clock
from engage_api.db.engine import Transaction
from engage_api.jobs import queue

DELIVER = "webhook.deliver"
FORGET = "webhook.forget"
PLAY = "sandbox.play"  # what is due in a sandbox whose clock stands still: one thing after the other, whatever it is
NOW = timedelta(0)
TRIED = "tried"
Tried = dict[str, tuple[int, int]]
"""By endpoint: attempts without an answer in time, and failures in a row."""


class Wanted(BaseModel):
    """Which endpoint."""

    endpoint: str


async def ask(
    tx: Transaction,
    endpoint_id: str,
    at: datetime | None = None,
    *,
    pause: timedelta = NOW,
    workspace: str | None = None,
) -> None:
    """Let what waits for an endpoint be sent, now or when the workspace's clock says `at`, after a pause at the
    earliest.

    One job at a time does that. If there is one that begins later than asked for, it begins then; if it is under way,
    it looks once more before it ends, because whoever asks has locked the endpoint's health. A time that has passed is
    now: who has waited longest for an endpoint does not go before other endpoints. In a sandbox whose clock stands
    still one job does all that is due; what is not, waits until the clock is moved.
    """
    where = workspace or tx.wall or ""
    if clock.is_frozen(where):
        if at is None or at <= clock.business(where):
            await ask_to_play(tx, where)
        return
    soonest = None if at is None else clock.host_of(where, at)
    now = clock.host()
    at = max(soonest or now, now + pause)
    wanted = Wanted(endpoint=endpoint_id)
    made = await queue.enqueue(tx, DELIVER, wanted, workspace=workspace, run_at=at, unique_key=endpoint_id)
    if made is None:
        await queue.hasten(tx, DELIVER, endpoint_id, workspace=workspace, to=at)


async def ask_to_play(tx: Transaction, workspace: str, pause: timedelta = NOW, kept: Tried | None = None) -> None:
    """Let all that is due in a sandbox be done, in order. The job that does so looks once more before it ends.

    `kept`: what another job has found out about receivers, for the one that goes on.
    """
    told = {TRIED: kept} if kept else {}
    await queue.enqueue(tx, PLAY, told, workspace=workspace, run_at=clock.host() + pause, unique_key="play")


async def ask_to_forget(tx: Transaction, endpoint_id: str) -> None:
    """Let the deliveries of an endpoint that is gone be deleted."""
    await queue.enqueue(tx, FORGET, Wanted(endpoint=endpoint_id), run_at=clock.host())
