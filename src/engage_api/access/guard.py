"""The guard: who asks, whether they may, and how often. One dependency, one cached look-up.

The scope stands at the route as the type of a parameter: `Read = Annotated[Call, guard(Scope.CASES_READ)]`.
"""

import hashlib
from dataclasses import dataclass, field, replace
from datetime import datetime
from time import monotonic
from typing import Any

from fastapi import Depends, Request

from engage_api.access import keys, strangers
from engage_api.access.challenges import forbidden, unauthenticated
from engage_api.access.credentials import bearer, presented, usable
from engage_api.access.customer_sessions import service as sessions
from engage_api.access.faults import making
from engage_api.access.faults import store as faults
from engage_api.access.faults.making import Maker
from engage_api.access.oauth import store, tokens
from engage_api.access.oauth.store import KIND as REFRESH
from engage_api.access.worlds import GUESTS
from engage_api.core import clock, secret
from engage_api.core import world as worlds
from engage_api.core.principal import NOBODY, Principal
from engage_api.core.problem import NotFound, TooManyRequests, Unavailable
from engage_api.core.scopes import Scope
from engage_api.core.world import SandboxBusy
from engage_api.db import world
from engage_api.db.engine import Database
from engage_api.db.store import Happened
from engage_api.http.call import Call, Services
from engage_api.http.middleware import counted_as

TRUSTED_FOR = 1.0  # seconds for which a look-up is believed: a key revoked by another process ends within this time
LEAKED = Happened("leaked")
MOST_KNOWN = 10_000  # credentials kept in memory
KEY, TOKEN, CUSTOMER = "key", "token", sessions.KIND  # kinds of credentials, as they say themselves
HOLDERS = {KEY: keys.holder, TOKEN: tokens.holder, CUSTOMER: sessions.holder}
"""How whoever holds a credential of a kind is found. What has another kind, such as a client secret, opens nothing."""


@dataclass(slots=True)
class Doorkeeper:
    """Knows credentials. State of one process: what it forgets it looks up again."""

    db: Database
    pepper: bytes
    trusted_for: float = TRUSTED_FOR
    _known: dict[bytes, tuple[Principal, float]] = field(default_factory=dict)
    _used: dict[tuple[str, str], datetime] = field(default_factory=dict)
    _forgotten: int = 0
    _emptied: dict[str, float] = field(default_factory=dict)
    maker: Maker = field(init=False)

    def __post_init__(self) -> None:
        self.maker = Maker(self.db)

    async def recognise(self, token: str) -> Principal | None:
        """The holder of an API key, an access token or a customer's token, or None."""
        digest = hashlib.sha256(token.encode()).digest()
        known = self._known.get(digest)
        if known is not None and known[1] > monotonic():
            return known[0]
        kind = secret.kind(token)
        if kind not in HOLDERS:
            return None
        before, began = self._forgotten, monotonic()
        principal = await HOLDERS[kind](self.db, secret.fingerprint(self.pepper, token))
        if principal is None:
            self._known.pop(digest, None)
            return None
        if len(self._known) >= MOST_KNOWN:
            self._known.clear()
        if not principal.live:
            await world.follow(self.db, principal.workspace)
            mishaps = await faults.held(self.db, principal.workspace, principal.credential)
            principal = principal if mishaps is None else replace(principal, mishaps=mishaps)
        if before == self._forgotten and self._emptied.get(principal.workspace, 0.0) < began:
            # else what was looked up may be what was revoked meanwhile
            self._known[digest] = principal, monotonic() + self.trusted_for
        if kind == KEY:
            self._used[principal.workspace, principal.credential] = clock.business(principal.workspace)
        return principal

    def forget(self, credential: str) -> None:
        """Look this credential up again at its next use: it was revoked or changed in this process."""
        self._forgotten += 1
        self._known = {digest: kept for digest, kept in self._known.items() if kept[0].credential != credential}

    def forget_customer(self, workspace: str, customer: str) -> None:
        """Look up again whatever lets this customer in: their sessions have ended."""
        self._forgotten += 1
        who = workspace, customer
        self._known = {
            digest: kept for digest, kept in self._known.items() if (kept[0].workspace, kept[0].customer) != who
        }

    def forget_workspace(self, workspace: str) -> None:
        """Look up again whatever opens this one: what happens to a sandbox is nothing to all others."""
        if len(self._emptied) >= MOST_KNOWN:
            self._emptied.clear()
            self._forgotten += 1
        self._emptied[workspace] = monotonic()
        self._known = {digest: kept for digest, kept in self._known.items() if kept[0].workspace != workspace}

    def forget_all(self) -> None:
        """Look every credential up again: an organization or an application has changed."""
        self._forgotten += 1
        self._known = {}

    async def end(self, token: str) -> None:
        """End the key, the token or the session that this opens, if it is one. The log says of a key that it leaked."""
        if secret.kind(token) == TOKEN:
            found = await tokens.find(self.db, secret.fingerprint(self.pepper, token))
            if found is not None:  # also when its holder may not act just now
                await tokens.revoke(self.db, found.workspace, found.id)
                self.forget(found.id)
            return
        if secret.kind(token) == REFRESH:
            if await store.end_by_refresh(self.db, secret.fingerprint(self.pepper, token)):
                self.forget_all()
            return
        holder = await self.recognise(token)
        if holder is not None:
            if holder.customer:
                await sessions.end_one(self.db, holder.workspace, holder.credential)
            else:
                await self._end_key(holder)
            self.forget(holder.credential)

    async def _end_key(self, holder: Principal) -> None:
        anybody = replace(holder, credential=NOBODY, sees_workspace=True)  # it ends whoever made it
        try:
            async with self.db.write(holder.workspace) as tx:
                await keys.revoke(tx, anybody, holder.credential, LEAKED)
        except NotFound:
            return  # another process has ended it, and this one has not heard of that
        except SandboxBusy:
            await keys.shut(self.db, holder.workspace, holder.credential)

    async def write_uses(self) -> None:
        """Write down when keys were last used; the service does so every minute and at its end.

        What could not be written now is written the next time.
        """
        used, self._used = self._used, {}
        left = await keys.note_use(self.db, [keys.Use(*which, time) for which, time in used.items()])
        self._used = {(one.workspace, one.key): one.time for one in left} | self._used


class Guard:
    """A dependency that lets in who has the scope and has not asked too often, and makes their call."""

    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        self._group = scope.value
        self._header = (b"accepted-scopes", scope.value.encode())

    async def __call__(self, request: Request) -> Call:
        scope = request.scope
        state = scope["state"]
        services: Services = state["services"]
        state["headers"].append(self._header)
        token, wish = presented(scope["headers"])
        principal = await _holder(scope, services, token)
        state["principal"] = principal
        state["headers"] += await services.limits.spend(principal, self._group)
        if principal.organization == GUESTS:
            await strangers.require_share(services.limits, counted_as(scope), principal.plan)
        await _admit(scope, services, principal)
        if self.scope not in principal.scopes:
            raise forbidden(principal, self.scope)
        if wish is not None or principal.mishaps is not None:
            refusal = await services.doorkeeper.maker.refusal(request, principal, wish)
            if refusal is not None:
                raise refusal
        if request.method not in ("GET", "HEAD") and clock.is_frozen(principal.workspace):
            await services.settle(principal.workspace)
        return Call(request, principal, services)


@dataclass(frozen=True, slots=True)
class Stranger:
    """A call of nobody in particular, to one of the few operations that are open to all."""

    services: Services


class Anyone:
    """A dependency that lets in everybody, and counts them like those who are refused: per address."""

    async def __call__(self, request: Request) -> Stranger:
        _refuse_blocked(request.scope)
        request.scope["state"]["counted"] = True
        return Stranger(request.scope["state"]["services"])


def anyone() -> Any:
    """The dependency for a route that needs no credential. Such a route stands on the PUBLIC list."""
    return Depends(Anyone())


def guard(scope: Scope) -> Any:
    """The dependency for a route that needs this scope."""
    return Depends(Guard(scope))


async def look_again(call: Call, scope: Scope) -> Principal:
    """Who holds the credential of a call that lasts, at most `TRUSTED_FOR` ago.

    Raises:
        Unauthenticated: it has ended meanwhile, or is not for this address any more.
        InsufficientScope: it has lost the scope.
    """
    principal = await _holder(call.request.scope, call.services, bearer(call.request.scope["headers"]))
    await _admit(call.request.scope, call.services, principal)
    if scope not in principal.scopes:
        raise forbidden(principal, scope)
    return principal


async def _holder(scope: Any, services: Services, token: str | None) -> Principal:
    principal = await services.doorkeeper.recognise(token) if token else None
    if principal is None or not usable(principal, scope["client"]):
        _refuse_blocked(scope)
        raise unauthenticated(services.base_url, invalid=bool(token))
    return principal


async def _admit(scope: Any, services: Services, principal: Principal) -> None:
    """Refuse whose sandbox nobody is to see now, and whom a fault has shut out: they have been counted like others."""
    if worlds.is_closed(principal.workspace) and not making.is_spared(scope):
        await world.follow(services.db, principal.workspace)
        if worlds.is_closed(principal.workspace):
            raise Unavailable("The sandbox is being reset or restored, or that failed.", headers={"Retry-After": "1"})
    if principal.mishaps is not None and principal.mishaps.revoked and not making.is_spared(scope):
        raise making.revoked(scope["state"])


def _refuse_blocked(scope: Any) -> None:
    wait = scope["state"]["blocked_for"](scope)
    if wait:
        raise TooManyRequests(headers={"Retry-After": str(wait)})
