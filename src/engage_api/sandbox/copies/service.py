"""Forks, snapshots and restorations: at once where little is in the sandbox, else promised here and done by a job.

Each takes a transaction across workspaces. Nobody writes in a sandbox while it is copied.
"""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any, TypeVar

from engage_api.access.sandboxes import making
from engage_api.access.sandboxes.making import New
from engage_api.access.sandboxes.models import SANDBOX, Sandbox, SandboxState
from engage_api.access.worlds import GUESTS, LIVE
from engage_api.core import clock, ids
from engage_api.core.clock import Clock
from engage_api.core.principal import Principal
from engage_api.core.problem import Fault, NotFound, Problem, UnknownReference
from engage_api.core.secret import Secret
from engage_api.core.world import SandboxBusy
from engage_api.db import ends, reader, store, world
from engage_api.db.engine import Database, Transaction
from engage_api.db.store import Happened, Stored
from engage_api.events.webhooks.secrets import Box
from engage_api.http import etags
from engage_api.http.call import Services
from engage_api.jobs import enqueue
from engage_api.sandbox import copying, endpoints, portions, service, wipe
from engage_api.sandbox.copies import first_key, standing
from engage_api.sandbox.copies.models import SNAPSHOT, ForkCreate, Snapshot, SnapshotCreate
from engage_api.sandbox.copies.orders import (
    EMPTY,
    FORK,
    RESET,
    RESTORE,
    SNAP,
    Emptying,
    Forking,
    Resetting,
    Restoring,
    Snapping,
)
from engage_api.sandbox.copying import Way

T = TypeVar("T")
SMALL = 3_000  # ids that were given out: so much is copied while somebody waits
LIGHT = 8_388_608  # bytes of documents and events, the same
NOTHING = -1  # ids
MOST, MOST_OF_GUEST = 10, 3  # snapshots of a sandbox
USUAL, USUAL_OF_GUEST = timedelta(days=30), timedelta(days=3)


class TooManySnapshots(Problem):
    """A sandbox has ten snapshots at most; one that was made without an account has three. Delete one."""

    code, status, title = "too-many-snapshots", 409, "The sandbox has enough snapshots"


def whole(principal: Principal, sandbox_id: str) -> Principal:
    """Whoever manages a sandbox sees all of its snapshots, whoever made them."""
    return replace(service.home(principal, sandbox_id), sees_workspace=True)


async def either(do: Callable[[int], Awaitable[T]]) -> T:
    """At once if it is small; promised if that takes too long after all. `do` hears how many ids are few enough."""
    try:
        return await do(SMALL)
    except portions.TooMuch:
        return await do(NOTHING)


async def is_small(tx: Transaction, workspace: str, number: int, at_once: int) -> bool:
    """Whether all of it can be copied while somebody waits; `number` of ids were given out."""
    return number <= at_once and await copying.weight(tx, workspace) <= LIGHT


async def fork(
    tx: Transaction, principal: Principal, was: Stored[Sandbox], wanted: ForkCreate, services: Services, at_once: int
) -> tuple[Stored[Sandbox], Secret]:
    """A copy that goes its own way, and the first key to it."""
    source, who = was.model, service.home(principal)
    row = await _held(tx, was)
    await service.require_room(tx, who, services.guests)
    small = await is_small(tx, source.id, row.number, at_once)
    new = _planned(who, source, wanted.name, "ready" if small else "copying", row.quota)
    stored = await making.make(tx, who, new)
    key = await first_key.make(tx, who, services.pepper, source.id)
    if small:
        await copy_at_once(tx, Way(source.id, new.id, services.webhooks.box))
        await standing.stand_alike(tx, source.id, new.id)
        await first_key.keep(tx, new.id, key.kept)
    else:
        await _begin(tx, principal, was, "copying")
        await enqueue(tx, FORK, Forking(sandbox=source.id, target=new.id, key=key.kept), workspace=LIVE)
    return stored, key.made


async def copy_at_once(tx: Transaction, way: Way) -> None:
    """All of it, with the webhook endpoints at the end of the log."""
    await portions.at_once(tx, copying.parts(way))
    await endpoints.place(tx, way.target)


def _planned(who: Principal, parent: Sandbox, name: str | None, state: SandboxState, quota: int) -> New:
    now = clock.host()
    ends = now + (USUAL_OF_GUEST if who.organization == GUESTS else USUAL)
    if who.organization == GUESTS and parent.expires_at is not None:
        ends = min(ends, parent.expires_at)  # else a guest could stay for ever
    return New(
        organization=who.organization,
        name=name or parent.name,
        size=parent.size,
        state=state,
        seed=parent.seed,
        start=Clock(parent.starts_at, now, parent.start_pace),
        expires_at=ends,
        parent=parent.id,
        quota=quota,
        metadata=parent.metadata,
        personas=tuple(parent.personas),
    )


async def snapshot(
    tx: Transaction, principal: Principal, was: Stored[Sandbox], wanted: SnapshotCreate, box: Box, at_once: int
) -> Stored[Snapshot]:
    """The sandbox as it is, to go back to."""
    who, sandbox_id = whole(principal, was.model.id), was.model.id
    row = await _held(tx, was)
    most = MOST_OF_GUEST if service.is_guest(who) else MOST
    if await reader.number(tx, who, SNAPSHOT, {"sandbox_id": sandbox_id}) >= most:
        told = f"A sandbox has {most} at most: delete one (DELETE /v1/sandboxes/{{id}}/snapshots/{{snapshotId}})."
        raise TooManySnapshots(told)
    small = await is_small(tx, sandbox_id, row.number, at_once)
    fields: dict[str, Any] = {
        "id": ids.new(SNAPSHOT.prefix),
        "sandbox_id": sandbox_id,
        "name": wanted.name,
        "state": "ready" if small else "copying",
        "clock": Clock(row.at, row.since, row.pace).now(),
        "pace": row.pace,
        "ids": row.number,
        "events": await standing.last(tx, sandbox_id),
    }
    stored = await store.create(tx, who, SNAPSHOT, fields)
    if small:
        await portions.at_once(tx, copying.parts(Way(sandbox_id, stored.model.id, box)))
    else:
        await _begin(tx, principal, was, "copying")
        await enqueue(tx, SNAP, Snapping(sandbox=sandbox_id, snapshot=stored.model.id), workspace=LIVE)
    return stored


async def restore(
    tx: Transaction, principal: Principal, was: Stored[Sandbox], snapshot_id: str, box: Box, at_once: int
) -> Stored[Sandbox]:
    """Back to a snapshot: what was done since then is gone, and so are the keys that were made since then."""
    sandbox = was.model
    row = await _held(tx, was, ends=True)
    found = await reader.find(tx, whole(principal, sandbox.id), SNAPSHOT, snapshot_id)
    if found is None or found.model.sandbox_id != sandbox.id or found.model.state != "ready":
        told = "This sandbox has no such snapshot that is ready."
        raise UnknownReference(errors=[Fault("unknown-reference", told, pointer="/snapshotId")])
    if row.number > at_once or not await is_small(tx, snapshot_id, found.model.ids, at_once):
        await enqueue(tx, RESTORE, Restoring(sandbox=sandbox.id, snapshot=snapshot_id), workspace=LIVE)
        return await _begin(tx, principal, was, "restoring")
    await wipe.wipe_at_once(tx, sandbox.id, since(found.model))
    await copy_at_once(tx, Way(snapshot_id, sandbox.id, box))
    await come_back(tx, found.model)
    return await _changed(tx, principal, was, "ready")


def since(snapshot: Snapshot) -> wipe.Stays:
    """What a restoration leaves: the keys that the snapshot knows."""
    return wipe.Stays(snapshot.id, snapshot.events, events=False)


async def come_back(tx: Transaction, snapshot: Snapshot) -> None:
    """The world stands where it stood: as many ids were given out, and the clock says what it said."""
    then = Clock(snapshot.clock, clock.host(), snapshot.pace)
    await standing.go_back(tx, snapshot.sandbox_id, snapshot.ids, then)
    await ends.begin_anew(tx, snapshot.sandbox_id)


async def reset(tx: Transaction, principal: Principal, was: Stored[Sandbox], within: timedelta) -> Stored[Sandbox]:
    """The sandbox is to be as it was made. A job sees to that after `within`: until then somebody else may."""
    await _held(tx, was, ends=True)
    resetting, later = Resetting(sandbox=was.model.id), clock.host() + within
    key = f"{was.model.id}.{was.model.version}"  # by which `mending` finds those of a sandbox
    await enqueue(tx, RESET, resetting, workspace=LIVE, run_at=later, unique_key=key)
    return await _begin(tx, principal, was, "resetting")


async def _held(tx: Transaction, was: Stored[Sandbox], *, ends: bool = False) -> Any:
    if was.model.state != "ready" and not (ends and was.model.state == "failed"):
        raise SandboxBusy(headers={"Retry-After": world.AGAIN})
    return await standing.hold(tx, was.model.id, ends=ends)


async def _begin(tx: Transaction, principal: Principal, was: Stored[Sandbox], state: SandboxState) -> Stored[Sandbox]:
    """Nobody writes in the sandbox until this is done."""
    await standing.busy(tx, was.model.id, state)
    return await _changed(tx, principal, was, state)


async def _changed(tx: Transaction, principal: Principal, was: Stored[Sandbox], state: SandboxState) -> Stored[Sandbox]:
    """The state of a sandbox, whose log tells of every going back."""
    who = service.home(principal, was.model.id)
    same, now = was.model.state == state, clock.business(LIVE)
    return await store.change(tx, who, SANDBOX, was, {"updated_at": now} if same else {"state": state}, Happened(state))


async def require_snapshot(db: Database, principal: Principal, sandbox_id: str, snapshot_id: str) -> Stored[Snapshot]:
    """A snapshot of a sandbox that the caller manages, or NotFound."""
    found = await reader.stored(db, whole(principal, sandbox_id), SNAPSHOT, snapshot_id)
    if found is None or found.model.sandbox_id != sandbox_id:
        raise NotFound
    return found


async def delete_snapshot(tx: Transaction, principal: Principal, which: tuple[str, str], if_match: str | None) -> None:
    """A snapshot goes: of this sandbox, with this id. `tx` is at the live workspace.

    Raises:
        SandboxBusy: it is being taken, or the sandbox goes back to one.
    """
    sandbox_id, snapshot_id = which
    who, sandbox = whole(principal, sandbox_id), await service.hold(tx, principal, sandbox_id)
    found = await reader.find(tx, who, SNAPSHOT, snapshot_id)
    if found is None or found.model.sandbox_id != sandbox_id:
        raise NotFound
    etags.require(if_match, found.document)
    if found.model.state == "copying" or sandbox.model.state == "restoring":
        raise SandboxBusy(headers={"Retry-After": world.AGAIN})
    await forget(tx, who, found)


async def forget(tx: Transaction, who: Principal, found: Stored[Snapshot]) -> None:
    """The snapshot goes, and a job takes away what is in it."""
    await store.remove(tx, who, SNAPSHOT, found)
    await enqueue(tx, EMPTY, Emptying(workspace=found.model.id), workspace=LIVE)


async def forget_all(db: Database, who: Principal, sandbox_id: str) -> None:
    """All snapshots of a sandbox that has ended."""
    for document in await reader.every(db, who, SNAPSHOT, {"sandbox_id": sandbox_id}, "createdAt"):
        async with db.write(LIVE) as tx:
            found = await reader.find(tx, who, SNAPSHOT, SNAPSHOT.read(document).id)
            if found is not None:
                await forget(tx, who, found)
