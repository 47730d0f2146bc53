"""`POST /v1/sandboxes`: for whoever has a credential, and for strangers."""

import asyncio
import json
import re
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import structlog
from fastapi import Response

from engage_api.access import operator
from engage_api.access.sandboxes.making import QUOTA, New
from engage_api.access.sandboxes.models import SANDBOX, Sandbox
from engage_api.access.worlds import LIVE
from engage_api.core import clock
from engage_api.core.clock import FROZEN, Clock
from engage_api.core.principal import NOBODY, Principal
from engage_api.core.problem import Fault, InvalidRequest
from engage_api.core.secret import Secret
from engage_api.db import reader
from engage_api.db.engine import Database, Transaction
from engage_api.db.store import Stored
from engage_api.http.call import Call, shown_once
from engage_api.http.idempotency import Answer
from engage_api.sandbox import filling, guests, seeding, service
from engage_api.sandbox.models import SandboxCreate

PATH = "/v1/sandboxes"
USUAL, USUAL_OF_GUEST = timedelta(days=30), service.LONGEST_OF_GUEST
OF_GUESTS = ("empty", "tiny", "small")
QUOTA_OF_GUEST = 50_000
YEARS = range(2001, 2100)
AT_ONCE = 30.0  # seconds for filling a sandbox while somebody waits
HOUR = timedelta(hours=1)
LATER = timedelta(seconds=60)  # then a job fills it, if nobody has
LOOKS = 100  # a tenth of a second each, for a sandbox that somebody else is filling
_LIFETIME = re.compile(r"P(?:(\d+)D)?(?:T(\d+)([HM]))?")
_log = structlog.get_logger("engage.sandbox")


@dataclass(slots=True)
class Opening:
    """Somebody wants a sandbox."""

    call: Call
    wanted: SandboxCreate
    maker: Principal | None = field(default=None, init=False)

    @property
    def by_guest(self) -> bool:
        """Whether they have shown no credential."""
        return self.call.principal.credential == NOBODY

    async def answer(self) -> Response:
        """201 with the sandbox and its first key; a tiny one is filled by then."""
        call = self.call
        who = guests.known_as(call) if self.by_guest else service.home(call.principal)
        new = planned(self.wanted, guest=service.is_guest(who))

        async def work(tx: Transaction) -> Answer:
            stored, made = await self._make(tx, who, new)
            return shown_once(stored, "key", made, f"{PATH}/{stored.model.id}")

        made = await call.services.once.run(call.request, who, work, door=call.db.system, before=self._enter)
        return await _filled(call.db, made)

    async def _enter(self) -> None:
        if self.by_guest:
            await guests.let_in(self.call)
            self.maker = await operator.principal(self.call.db, LIVE)

    async def _make(self, tx: Transaction, who: Principal, new: New) -> tuple[Stored[Sandbox], Secret]:
        services = self.call.services
        if self.maker is not None:
            who = await guests.enter(tx, self.maker)
        await service.require_room(tx, who, services.guests)
        within, own = LATER if new.size == "tiny" else timedelta(), replace(new, organization=who.organization)
        return await service.make(tx, who, services.pepper, own, within=within)


async def open_here(
    db: Database, pepper: bytes, new: New, note: seeding.Note = seeding.nobody
) -> tuple[Stored[Sandbox], Secret]:
    """The operator's, at the command line: filled when it is answered, whatever its size, and here. Should that be cut
    short, a job begins again.
    """
    who = await operator.principal(db, LIVE)
    async with db.system.write(None) as tx:
        own = replace(new, organization=who.organization)
        stored, made = await service.make(tx, who, pepper, own, within=HOUR)
    if new.state == "ready":
        return stored, made
    return await filling.fill(db, stored, note) or stored, made


def planned(wanted: SandboxCreate, *, guest: bool) -> New:
    """What is to be made.

    Raises:
        InvalidRequest: there is none of this kind, or none for a guest.
    """
    faults, longest = [], service.LONGEST_OF_GUEST if guest else service.LONGEST
    lifetime = _lifetime(wanted.lifetime) if wanted.lifetime else USUAL_OF_GUEST if guest else USUAL
    if not timedelta() < lifetime <= longest:
        told = f"At most P{longest.days}D{' without an account' if guest else ''}, and some time."
        faults.append(Fault("out-of-range", told, pointer="/lifetime"))
    if guest and wanted.size not in OF_GUESTS:
        faults.append(Fault("too-large", "Without an account it is tiny or small.", pointer="/size"))
    start = wanted.clock
    if start is not None and start.now is not None and start.now.year not in YEARS:
        faults.append(Fault("out-of-range", "From 2001 to 2099.", pointer="/clock/now"))
    if start is not None and start.mode == "frozen" and "pace" in start.model_fields_set:
        faults.append(Fault("not-applicable", "It stands still: leave it out.", pointer="/clock/pace"))
    if faults:
        raise InvalidRequest(errors=faults)
    now = clock.host()
    return New(
        organization="",
        name=wanted.name,
        size=wanted.size,
        state="ready" if wanted.size == "empty" else "seeding",
        seed=wanted.seed,
        start=Clock(start.now or now, now, FROZEN if start.mode == "frozen" else start.pace) if start else None,
        expires_at=now + lifetime,
        quota=QUOTA_OF_GUEST if guest else QUOTA,
        metadata=wanted.metadata,
    )


def _lifetime(text: str) -> timedelta:
    days, number, unit = _LIFETIME.fullmatch(text).groups()  # type: ignore[union-attr]  # the model has looked
    return timedelta(days=int(days or 0), **{"hours" if unit == "H" else "minutes": int(number or 0)})


async def _filled(db: Database, made: Response) -> Response:
    """The answer once a tiny sandbox is filled. If that takes too long it is answered as it is: a job goes on."""
    said: dict[str, Any] = json.loads(bytes(made.body))
    if said.get("state") != "seeding" or said["size"] != "tiny":
        return made
    who, again = await operator.principal(db, LIVE), "idempotent-replayed" in made.headers
    try:
        stored = await (_waited if again else _fill)(db, who, said["id"])
    except Exception as error:  # noqa: BLE001  # it is made, and whoever gets no answer has lost its key
        _log.warning("a sandbox is filled later", sandbox=said["id"], error=repr(error))
        return made
    if stored is None:
        return made
    return shown_once(stored, "key", Secret(said["key"]), made.headers["Location"]).response(replayed=again)


async def _fill(db: Database, who: Principal, sandbox_id: str) -> Stored[Sandbox] | None:
    found = await reader.stored(db, who, SANDBOX, sandbox_id)
    if found is None:
        return None
    async with asyncio.timeout(AT_ONCE):
        return await filling.fill(db, found)


async def _waited(db: Database, who: Principal, sandbox_id: str) -> Stored[Sandbox] | None:
    for _ in range(LOOKS):
        found = await reader.stored(db, who, SANDBOX, sandbox_id)
        if found is None or found.model.state != "seeding":
            return found
        await asyncio.sleep(0.1)
    raise TimeoutError
