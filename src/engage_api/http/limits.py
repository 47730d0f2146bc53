"""Rate limits: slowapi's policies, counted as its engine `limits` does, told in the draft's headers.

Counted in the guard and not in slowapi's middleware, for the reasons in docs/adr/0002. Headers are those of
draft-ietf-httpapi-ratelimit-headers-11.
"""

import math
from dataclasses import dataclass
from functools import lru_cache
from time import monotonic
from typing import Any, cast

import structlog
from limits.aio.storage import RedisStorage
from limits.aio.strategies import SlidingWindowCounterRateLimiter
from limits.errors import StorageError
from slowapi.wrappers import Limit

from engage_api.core import clock
from engage_api.core.principal import Plan, Principal
from engage_api.core.problem import TooManyRequests
from engage_api.http.quotas import Quotas
from engage_api.http.windows import LocalWindows, Seconds, Told

BURST = "burst"
PATIENCE = 0.05  # seconds for the shared store; a limit must not be slower than what it protects
PAUSE = 5.0  # seconds that a store that failed is left alone
_log = structlog.get_logger("engage.limits")


def principal_key(principal: Principal) -> str:
    """Who is counted: the application, so that a second key is no second allowance; of its customers each alone, so
    that none uses up what is the others'.
    """
    return f"{principal.application} {principal.customer}" if principal.customer else principal.application


@dataclass(frozen=True, slots=True)
class Policy:
    """A plan as slowapi policies, and the header that states it."""

    window: Limit
    burst: Limit
    header: bytes


@lru_cache(maxsize=256)
def policy(plan: Plan) -> Policy:
    """The policies of a plan: a window and, so that it is not spent in one second, a burst; a quota may come on top."""
    daily = b"" if plan.quota is None else b', "quota";q=%d;w=86400' % plan.quota
    return Policy(
        _limit(Seconds(plan.window, plan.window_seconds, "window")),
        _limit(Seconds(plan.burst, 1, BURST)),
        b'"window";q=%d;w=%d, "burst";q=%d;w=1' % (plan.window, plan.window_seconds, plan.burst) + daily,
    )


class Limits:
    """Counts requests in memory or, when several processes serve, in Redis.

    A Redis that fails or hangs is replaced by counting here, with this process's share of the limit: never without
    limit.
    """

    def __init__(self, redis_url: str = "", processes: int = 1, *, quotas: Quotas) -> None:
        self._quotas = quotas
        self._local = LocalWindows()
        self._shared: SlidingWindowCounterRateLimiter | None = None
        self._pool: Any = None
        if redis_url:
            from redis.asyncio import ConnectionPool  # noqa: PLC0415  # whoever counts in memory need not load it

            self._pool = ConnectionPool.from_url(redis_url, socket_timeout=PATIENCE, socket_connect_timeout=PATIENCE)
            storage = RedisStorage(
                f"async+{redis_url}", wrap_exceptions=True, implementation="redispy", connection_pool=self._pool
            )
            self._shared = SlidingWindowCounterRateLimiter(storage)
        self._processes = processes
        self._back_at = 0.0

    @property
    def degraded(self) -> bool:
        """Whether the shared store is away and each process counts for itself."""
        return self._shared is not None and monotonic() < self._back_at

    async def close(self) -> None:
        """Close the connections to the shared store."""
        if self._pool is not None:
            await self._pool.aclose()

    async def spend(self, principal: Principal, group: str) -> list[tuple[bytes, bytes]]:
        """Count one request of this principal in this group of routes. Returns the headers that say what is left.

        Raises:
            TooManyRequests: the window, the burst or the quota is used up.
        """
        rules, who = policy(principal.plan), principal_key(principal)
        item = cast("Seconds", rules.burst.limit)
        told = await self._count(item, who, group)
        if told.counted:
            item = cast("Seconds", rules.window.limit)
            told = await self._count(item, who, group)
        if not told.counted:
            raise _used_up(item.namespace, item.amount, told, rules.header)
        left = b'"window";r=%d;t=%d' % (told.left, _whole(told.seconds))
        if (quota := principal.plan.quota) is not None:
            told = await self._quotas.spend(principal, quota)
            if not told.counted:
                raise _used_up("quota", quota, told, rules.header)
            left += b', "quota";r=%d;t=%d' % (told.left, _whole(told.seconds))
        return [(b"ratelimit-policy", rules.header), (b"ratelimit", left)]

    async def spend_address(self, item: Seconds, address: str) -> int:
        """Count one refused request of an address. Returns the seconds to wait when it has had too many, else 0."""
        told = await self._count(item, address, "outer")
        return 0 if told.counted else _whole(told.seconds)

    async def _count(self, item: Seconds, who: str, group: str) -> Told:
        if self._shared is None:
            return self._local.spend(item, who, group)
        if monotonic() >= self._back_at:
            try:
                counted = await self._shared.hit(item, who, group)
                if counted and item.namespace == BURST:
                    return Told(counted, 0, 0.0)  # nobody is told what is left of it
                reset, left = await self._shared.get_window_stats(item, who, group)
                return Told(counted, left, reset - clock.seconds())
            except (StorageError, OSError) as error:
                self._step_back(error)
        return self._local.spend(self._share(item), who, group)

    def _share(self, item: Seconds) -> Seconds:
        return Seconds(max(1, item.amount // self._processes), item.multiples, item.namespace)

    def _step_back(self, error: Exception) -> None:
        self._back_at = monotonic() + PAUSE
        _log.warning("limits are counted in this process", error=repr(error))


def as_used_up(plan: Plan, seconds: int) -> TooManyRequests:
    """What is said when the window of a plan is used up for so many seconds."""
    rules = policy(plan)
    return _used_up("window", plan.window, Told(False, 0, seconds), rules.header)


def _used_up(name: str, amount: int, told: Told, policies: bytes) -> TooManyRequests:
    reset = _whole(told.seconds)
    wait = f"in {reset} second{'s' if reset != 1 else ''}."
    again = f"It returns at midnight UTC, {wait}" if name == "quota" else f"Try again {wait}"
    return TooManyRequests(
        f"The {name} of {amount} requests{' for today' if name == 'quota' else ''} is used up. {again}",
        headers={
            "Retry-After": str(reset),
            "RateLimit-Policy": policies.decode(),
            "RateLimit": f'"{name}";r=0;t={reset}',
        },
    )


def _whole(seconds: float) -> int:
    """Seconds as headers say them: never too few, and never none."""
    return max(1, math.ceil(seconds))


def _limit(item: Seconds) -> Limit:
    return Limit(item, principal_key, None, False, None, None, None, 1, False)
