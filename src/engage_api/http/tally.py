"""Who called what, and how that went: counted in memory with every answer, and carried away every few seconds."""

from engage_api.core import clock
from engage_api.core.principal import Principal

MOST = 10_000  # figures that are told apart between two takings
OTHER = "other"

_Key = tuple[str, str, str, str]


class Figures:
    """What one credential did on one day with one operation; beyond `MOST` of them, an application with all the rest.

    `day` is `2026-11-21`, in UTC. `limited` are answers 429, which are not among `client_errors`.
    """

    __slots__ = ("calls", "client_errors", "day", "limited", "operation", "server_errors", "who")

    def __init__(self, day: str, who: Principal, operation: str) -> None:
        self.day, self.who, self.operation = day, who, operation
        self.calls = self.client_errors = self.server_errors = self.limited = 0


class Tally:
    """The figures since they were taken last."""

    def __init__(self) -> None:
        self._figures: dict[_Key, Figures] = {}

    def count(self, who: Principal, operation: str, status: int) -> None:
        """Note one answer to a known caller."""
        key = clock.day(), who.workspace, who.credential, operation
        figures = self._figures.get(key) or self._begin(key, who)
        figures.calls += 1
        if status >= 400:
            if status == 429:
                figures.limited += 1
            elif status < 500:
                figures.client_errors += 1
            else:
                figures.server_errors += 1

    def take(self) -> list[Figures]:
        """All figures; counting goes on with none."""
        taken, self._figures = self._figures, {}
        return list(taken.values())

    def _begin(self, key: _Key, who: Principal) -> Figures:
        day, workspace, _, operation = key
        if len(self._figures) >= MOST:
            key, operation = (day, workspace, who.application, OTHER), OTHER
        return self._figures.setdefault(key, Figures(day, who, operation))
