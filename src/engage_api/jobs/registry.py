"""What kinds of jobs there are: who does them, within which limits, and which come by themselves."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar, Unpack

from pydantic import BaseModel

from engage_api.db.engine import Database
from engage_api.jobs.limits import POOLS, Given, Limits
from engage_api.jobs.queue import Job

Handler = Callable[[Database, Job[Any]], Awaitable[None]]
H = TypeVar("H", bound=Handler)


class Later(Exception):
    """Raised by a handler: this attempt came to nothing, try again `after` so long (by default as the kind backs off).

    The reason is kept for operators, so it must not quote a secret.
    """

    def __init__(self, reason: str, after: timedelta | None = None) -> None:
        super().__init__(reason)
        self.after = after


@dataclass(frozen=True, slots=True)
class Kind:
    """A registered kind of job."""

    handler: Handler
    limits: Limits
    payload: type[BaseModel] | None

    async def run(self, db: Database, job: Job[Any]) -> None:
        """One attempt. Whatever the handler raises, ValidationError for a payload and TimeoutError at the deadline."""
        if self.payload is not None:
            job.payload = self.payload.model_validate(job.payload)
        async with asyncio.timeout(self.limits.deadline.total_seconds()):
            await self.handler(db, job)


class Registry:
    """The kinds that a worker does. Kinds that it does not know stay queued for one that does."""

    def __init__(self) -> None:
        self.kinds: dict[str, Kind] = {}
        self.schedules: dict[str, timedelta] = {}

    @property
    def limits(self) -> Mapping[str, Limits]:
        return {name: kind.limits for name, kind in self.kinds.items()}

    def copy(self) -> "Registry":
        """The same kinds, to be added to."""
        found = Registry()
        found.kinds |= self.kinds
        found.schedules |= self.schedules
        return found

    def job(self, kind: str, *, payload: type[BaseModel] | None = None, **given: Unpack[Given]) -> Callable[[H], H]:
        """Register the handler of a kind: `async def handler(db, job) -> None`.

        `job.payload` is a dict, or an instance of `payload`; `Limits` says what the others mean. The handler may run
        more than once for one job, so it writes its result and calls `job.finish(tx)` in one transaction, or does what
        may be done twice. A normal return completes the job; any exception is a failed attempt. ValueError for a kind
        that has a handler, and for a pool that is none.
        """
        limits = Limits(**given)
        if kind in self.kinds:
            raise ValueError(f"there are two handlers of {kind}")
        if limits.pool not in POOLS:
            raise ValueError(f"there is no pool {limits.pool}")

        def register(handler: H) -> H:
            self.kinds[kind] = Kind(handler, limits, payload)
            return handler

        return register

    def schedule(self, kind: str, *, every: timedelta) -> None:
        """Let a job of the service come once in every period, however many processes there are.

        Periods are counted from 1970 in host time; hosts' clocks must agree to well within one. The first comes at
        once. A job that is not done when the next period begins is not doubled. ValueError for a kind without a handler
        and for less than a second.
        """
        if kind not in self.kinds:
            raise ValueError(f"there is no handler of {kind}")
        if every < timedelta(seconds=1):
            raise ValueError("a period has a second at least")
        self.schedules[kind] = every


registry = Registry()
"""The service's own."""
job = registry.job
schedule = registry.schedule
