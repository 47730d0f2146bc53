"""Who asks: built once per request, never changed."""

from dataclasses import dataclass
from datetime import datetime
from ipaddress import IPv4Network, IPv6Network

from engage_api.core.mishaps import Mishaps
from engage_api.core.scopes import Scope

NOBODY = "nobody"
"""The credential of who has none."""
CLOCK = "clock"
"""The credential of time, which needs none."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How often a principal may ask: `window` requests in any `window_seconds`, `burst` in any one second, and `quota`
    on one day in UTC (None: no such limit).
    """

    name: str
    window: int
    window_seconds: int
    burst: int
    quota: int | None = None


@dataclass(frozen=True, slots=True)
class Principal:
    """An application that acts in one workspace with some scopes, for itself or for somebody.

    `organization` is whose application it is. `person` is the account of whoever it acts for, `customer` the customer
    who sees themselves and nothing else; both are empty when it acts for itself. `sees_workspace` is true for internal
    applications and for the owner of a sandbox; others see what they made. `networks` restricts where the credential
    may be used from; empty means anywhere. `expires_at` is in the workspace's time. `mishaps` are the faults
    that its sandbox has set, None when there are none.
    """

    credential: str
    application: str
    organization: str
    workspace: str
    live: bool
    scopes: frozenset[Scope]
    plan: Plan
    sees_workspace: bool
    networks: tuple[IPv4Network | IPv6Network, ...] = ()
    expires_at: datetime | None = None
    person: str = ""
    customer: str = ""
    mishaps: Mishaps | None = None

    @property
    def actor(self) -> str:
        """Who acts, as the log says it: what it is, a colon and its id."""
        if self.credential == NOBODY:
            return "anonymous"
        if self.credential == CLOCK:
            return CLOCK
        if self.customer:
            return f"customer:{self.customer}"
        return f"person:{self.person}" if self.person else f"application:{self.application}"
