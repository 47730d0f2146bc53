"""The worker: claims due jobs, runs their handlers side by side, keeps their leases alive and settles them."""

import asyncio
import traceback
from collections.abc import Awaitable, Callable, Collection, Mapping
from functools import partial
from time import monotonic
from typing import Any

import structlog

from engage_api.core import clock
from engage_api.db.engine import Database
from engage_api.db.errors import Unavailable
from engage_api.jobs import queue, schedules
from engage_api.jobs.bell import Bell, listening
from engage_api.jobs.figures import Outcome
from engage_api.jobs.limits import POOLS
from engage_api.jobs.queue import Job, Stale
from engage_api.jobs.registry import Later, Registry

GRACE = 5.0  # seconds for running handlers when the worker is told to stop
CANCELLED = 1.0  # seconds more for those that were cancelled then
GIVING_BACK = 2.0  # seconds for the leases of what they left
PORTION = 32  # jobs of a pool that are claimed at once
BEATS = 3  # in the span of a lease
RETRY = 0.25  # seconds until the outcome of a job is written again that the database could not take

Note = Callable[[str, Outcome], None]
_log = structlog.get_logger("engage.jobs")


def nobody(_kind: str, _outcome: Outcome) -> None:
    """Is told, and notes nothing."""


class Worker:
    """Runs the jobs of a registry, at most so many of each pool at once. Any number of workers may share a database.

    It claims no more than it can start, so nothing waits under a lease. `note` is told how each attempt ended.
    """

    def __init__(
        self,
        db: Database,
        registry: Registry,
        *,
        note: Note = nobody,
        pools: Mapping[str, int] = POOLS,
        grace: float = GRACE,
    ) -> None:
        self._db = db
        self._system = db.system
        self._registry = registry
        self._note = note
        self._pools = pools
        self._grace = grace
        self._running: dict[Job[Any], asyncio.Task[None]] = {}
        self._periods: dict[str, int] = {}

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop`, or until cancelled; then at most 8 seconds for what is under way.

        Handlers that do not end in time are cancelled, and their leases released: others may start at once.
        """
        with listening(self._db.pulse, stop) as bell:
            try:
                while not stop.is_set():
                    await self._guarded(self._fire_schedules())
                    for pool in self._pools:
                        await self._guarded(self._fill(pool, bell))
                    await bell.wait()
            finally:
                await self._wind_down()

    async def _guarded(self, look: Awaitable[None]) -> None:
        """A failure is logged and is no reason to end: the next look may do better."""
        try:
            await look
        except Unavailable as error:
            _log.warning("jobs wait for the database", error=str(error))
        except Exception:  # noqa: BLE001  # a mistake that is logged every second is seen; a worker that ended is not
            _log.exception("looking for jobs failed")

    async def _fill(self, pool: str, bell: Bell) -> None:
        """Claim and start what is due, as far as there are slots; a portion at a time, for other workers look, too."""
        kinds = {name: limits for name, limits in self._registry.limits.items() if limits.pool == pool}
        most = min(PORTION, self._pools[pool] - sum(job.kind in kinds for job in self._running))
        if not kinds or most <= 0:
            return
        claimed = await queue.claim(self._system, kinds, most)
        for job in claimed:
            self._running[job] = asyncio.create_task(self._work(job))
            self._running[job].add_done_callback(partial(self._ended, job, bell))
        if len(claimed) == PORTION:
            bell.ring()

    async def _fire_schedules(self) -> None:
        now = clock.host()
        for kind, every in self._registry.schedules.items():
            period = schedules.period_of(now, every)
            if self._periods.get(kind) != period:
                await schedules.fire(self._system, kind, period)
                self._periods[kind] = period

    # ── one job ──────────────────────────────────────────────────────────────────────────────────────────────────────

    async def _work(self, job: Job[Any]) -> None:
        failure = await self._attempt(job)
        if isinstance(failure, Stale):
            self._lose(job)
        elif failure is not None:
            if await self._settle(job, partial(queue.fail, self._system, job, *_reason(failure))):
                self._note(job.kind, "dead" if job.last else "failed")
        elif job.finished or await self._settle(job, partial(queue.complete, self._system, job)):
            self._note(job.kind, "done")

    async def _attempt(self, job: Job[Any]) -> Exception | None:
        """Run the handler while the lease is kept alive. What it raised, if it did."""
        beat = asyncio.create_task(self._keep_lease(job))
        try:
            await self._registry.kinds[job.kind].run(self._db, job)
        except Stale as lost:
            return lost
        except Exception as failure:  # noqa: BLE001  # whatever it is, the attempt has failed and the job goes on
            tell = _log.error if job.last else _log.warning
            tell("job is dead" if job.last else "job failed", **_about(job), exc_info=failure)
            return failure
        finally:
            beat.cancel()
            await asyncio.wait({beat})
        return None

    async def _keep_lease(self, job: Job[Any]) -> None:
        """Renew it until cancelled. When it is lost, end the handler: somebody else does the job by now."""
        while True:
            await asyncio.sleep(job.limits.lease.total_seconds() / BEATS)
            try:
                ours = await queue.heartbeat(self._system, job)
            except Exception as error:  # noqa: BLE001  # the handler goes on, and its result is fenced in any case
                _log.warning("the lease of a job could not be renewed", **_about(job), exc_info=error)
                continue
            if not ours:
                if not job.finished:
                    self._lose(job)
                    self._running[job].cancel()
                return

    def _lose(self, job: Job[Any]) -> None:
        _log.warning("job was lost", **_about(job))
        self._note(job.kind, "lost")

    async def _settle(self, job: Job[Any], write: Callable[[], Awaitable[bool]]) -> bool:
        """Write the outcome, again and again while the lease lasts: without it the job would be done twice. False when
        it could not be.
        """
        until = monotonic() + job.limits.lease.total_seconds()
        while True:
            try:
                if not (ours := await write()):
                    self._lose(job)
                return ours
            except Unavailable as error:
                if monotonic() > until:
                    _log.warning("the outcome of a job could not be written", **_about(job), error=str(error))
                    return False
            await asyncio.sleep(RETRY)

    def _ended(self, job: Job[Any], bell: Bell, task: asyncio.Task[None]) -> None:
        del self._running[job]
        if not task.cancelled() and (failure := task.exception()) is not None:
            _log.error("the outcome of a job could not be written", **_about(job), exc_info=failure)
        bell.ring()

    # ── the end ──────────────────────────────────────────────────────────────────────────────────────────────────────

    async def _wind_down(self) -> None:
        """Wait for the handlers, cancel those that take too long, and give their jobs back."""
        left = dict(self._running)
        await _done(left.values(), self._grace)
        for task in left.values():
            task.cancel()
        await _done(left.values(), CANCELLED)
        # One that is still running keeps its job until the lease ends: two at once is worse than one late.
        given_up = [job for job, task in left.items() if task.cancelled()]
        try:
            async with asyncio.timeout(GIVING_BACK):
                if given_up:
                    await queue.release(self._system, given_up)
        except (Unavailable, TimeoutError) as error:
            _log.warning("jobs wait for their leases to end", jobs=len(given_up), error=str(error))


async def _done(tasks: Collection[asyncio.Task[None]], seconds: float) -> None:
    if tasks:
        await asyncio.wait(tasks, timeout=seconds)


def _about(job: Job[Any]) -> dict[str, Any]:
    return {"job": job.id, "kind": job.kind, "workspace": job.workspace, "attempts": job.attempts}


def _reason(failure: Exception) -> tuple[str, Any]:
    """What is kept of it: its class and place, for a message may quote a secret; of `Later`, what it says itself."""
    if isinstance(failure, Later):
        return str(failure), failure.after
    places = [f"{frame.f_globals['__name__']}:{line}" for frame, line in traceback.walk_tb(failure.__traceback__)]
    ours = [place for place in places if place.startswith("engage_api.")]
    return f"{type(failure).__name__} at {ours[-1]}", None
