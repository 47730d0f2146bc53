"""How many calls of a plan's quota an application has used today, in UTC.

The truth is what was written down of its usage, so a quota outlives a restart and holds for several processes: each
begins with what is known and hears every few seconds what the others wrote.
"""

from collections.abc import Awaitable, Callable

from engage_api.core import clock
from engage_api.core.principal import Principal
from engage_api.http.windows import MOST_KEYS, Told

Who = tuple[str, str]
"""A workspace and an application: what is tried in a sandbox uses up nothing of the live workspace."""
Load = Callable[[str, str, str], Awaitable[int]]
"""How many calls of an application in a workspace were written down of a day."""


class Quotas:
    """Counts the calls of today in memory."""

    def __init__(self, load: Load) -> None:
        self._load = load
        self._day = ""
        self._used: dict[Who, int] = {}

    async def spend(self, principal: Principal, quota: int) -> Told:
        """Count one, unless it would be too many."""
        who = principal.workspace, principal.application
        day, rest = self._today()
        if who not in self._used:
            known = await self._load(*who, day)
            self.learn(who, day, known)
            day, rest = self._today()
        used = self._used.get(who, 0)  # gone, if midnight went by
        if counted := used < quota:
            used += 1
            self._used[who] = used
        return Told(counted, max(0, quota - used), rest)

    def knows(self, who: Who) -> bool:
        """Whether anybody has counted these today."""
        return who in self._used

    def learn(self, who: Who, day: str, used: int) -> None:
        """So many were written down of a day, by all processes together."""
        if day == self._today()[0] and (who in self._used or len(self._used) < MOST_KEYS):
            self._used[who] = max(used, self._used.get(who, 0))

    def _today(self) -> tuple[str, float]:
        """The day, and the seconds that are left of it."""
        day = clock.day()
        if day != self._day:
            self._day, self._used = day, {}
        return day, clock.DAY - clock.seconds() % clock.DAY
