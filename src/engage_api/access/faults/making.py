"""Making faults: what the guard does when somebody asks for one, or a sandbox has some set."""

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from fastapi import Request

from engage_api.access import challenges
from engage_api.access.faults import store
from engage_api.access.worlds import GUESTS
from engage_api.core import mishaps
from engage_api.core.mishaps import Mishap, NotUnderstood
from engage_api.core.principal import Principal
from engage_api.core.problem import Fault, InternalError, InvalidRequest, Problem, TooManyRequests, Unavailable
from engage_api.db.engine import Database
from engage_api.http.call import Services
from engage_api.http.cut import Cut
from engage_api.http.limits import as_used_up

HEADER = "Engage-Fault"
SPARED = "/sandboxes"
"""What sandboxes themselves are reached by: faults that are set leave it alone, or nobody could take them away."""
MOST_WAITING = 200  # calls that are being held up in a process: each keeps its connection
MOST_OF_ONE, MOST_OF_GUESTS = 100, 50  # of these, an organization's; of all who have no account together
USUAL_WAIT = 1  # second, as the service itself says
REVOKED = Mishap(revoke=True)
_LIVE = "Faults are made in sandboxes alone. Nothing was done; leave the header out, or use a key of a sandbox."


@dataclass(slots=True)
class Maker:
    """Makes the faults of one process."""

    db: Database
    _waiting: Counter[str] = field(default_factory=Counter)

    async def refusal(self, request: Request, who: Principal, wish: str | None) -> Problem | None:
        """Do to a call what was asked for, in its header or by the sandbox's setting. What it is refused with.

        Raises:
            InvalidRequest: the header asks for nothing that there is, or stands on a call in the live workspace.
        """
        mishap = await self._due(request, who) if wish is None else _wished(who, wish)
        if mishap is None:
            return None
        state = request.scope["state"]
        state["mishap"] = said = str(mishap)
        state["headers"].append((HEADER.lower().encode(), said.encode()))
        if mishap.latency:
            await self._hold(who.organization, mishap.latency / 1000)
            state["waited"] = mishap.latency / 1000
        if mishap.drop:
            state["cut"] = Cut(request.scope, request.receive, middle=mishap.drop == "mid-body")
            return Unavailable() if mishap.drop == "before" else None
        if mishap.revoke:
            await store.revoke(self.db, who.workspace, who.credential)
            services: Services = state["services"]
            services.doorkeeper.forget(who.credential)
            state["headers"] = _without_limits(state["headers"])
            return challenges.unauthenticated(services.base_url, invalid=True)
        return _answered(state, who, mishap)

    async def _due(self, request: Request, who: Principal) -> Mishap | None:
        """The fault that the sandbox's setting has for a call."""
        if who.mishaps is None or is_spared(request.scope):
            return None
        for rule in who.mishaps.rules:
            if rule.names(request.method, request.scope["route"].name) and await store.count(
                self.db, who.workspace, rule
            ):
                return rule.mishap
        return None

    async def _hold(self, organization: str, seconds: float) -> None:
        most = MOST_OF_GUESTS if organization == GUESTS else MOST_OF_ONE
        if self._waiting[organization] >= most or self._waiting.total() >= MOST_WAITING:
            told = f"At most {most} calls of an organization are held up at a time, and {MOST_WAITING} of all together."
            raise TooManyRequests(told, headers={"Retry-After": str(USUAL_WAIT)})
        self._waiting[organization] += 1
        try:
            await asyncio.sleep(seconds)
        finally:
            self._waiting[organization] -= 1
            self._waiting += Counter()  # drops those that have none left


def is_spared(scope: Any) -> bool:
    """Whether faults that are set leave this operation alone."""
    return str(getattr(scope.get("route"), "path", "")).startswith(SPARED)


def revoked(state: dict[str, Any]) -> Problem:
    """What a revoked credential is answered: as if it were none, and that it was a fault."""
    state["mishap"] = str(REVOKED)
    state["headers"] = _without_limits(state["headers"])
    state["headers"].append((HEADER.lower().encode(), str(REVOKED).encode()))
    return challenges.unauthenticated(state["services"].base_url, invalid=True)


def _answered(state: dict[str, Any], who: Principal, mishap: Mishap) -> Problem | None:
    """The problem that is asked for, as the service itself would say it."""
    wait = mishap.wait or USUAL_WAIT
    match mishap.status:
        case 429:
            state["headers"] = _without_limits(state["headers"])
            return as_used_up(who.plan, wait)
        case 500:
            return InternalError()
        case 503:
            return Unavailable(headers={"Retry-After": str(wait)})
    return None


def _without_limits(headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    return [(name, value) for name, value in headers if not name.startswith(b"ratelimit")]


def _wished(who: Principal, wish: str) -> Mishap:
    if who.live:
        raise InvalidRequest(errors=[Fault("live", _LIVE, parameter=HEADER)])
    try:
        return mishaps.parse(wish)
    except NotUnderstood as error:
        raise InvalidRequest(errors=[Fault("not-understood", str(error), parameter=HEADER)]) from None
