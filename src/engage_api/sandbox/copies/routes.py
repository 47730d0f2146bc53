"""Copies of sandboxes over HTTP: resets, forks, snapshots and restorations."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Annotated, Literal

import structlog
from fastapi import APIRouter, Query, Response
from pydantic import Field

from engage_api.access.guard import guard
from engage_api.access.sandboxes.models import Sandbox
from engage_api.core.model import Query as Parameters
from engage_api.core.model import Reference
from engage_api.core.scopes import Scope
from engage_api.db.engine import Transaction
from engage_api.http.call import Call, shown, shown_once
from engage_api.http.idempotency import Answer, Work
from engage_api.http.pages import SORTED, Filter, ListQuery, Page
from engage_api.http.route import DirectRoute
from engage_api.http.strict import json_body
from engage_api.sandbox.copies import arriving, exporting, importing, resetting, service
from engage_api.sandbox.copies.exporting import JsonLines
from engage_api.sandbox.copies.file_models import MEDIA_TYPE
from engage_api.sandbox.copies.models import (
    SNAPSHOT,
    ForkCreate,
    ResetCreate,
    RestorationCreate,
    Snapshot,
    SnapshotCreate,
    SnapshotState,
)
from engage_api.sandbox.models import SandboxWithKey
from engage_api.sandbox.opening import AT_ONCE
from engage_api.sandbox.service import hold, home, require

HERE = "/v1/sandboxes"
IMPORTS = f"{HERE}/imports"
PATH = "/sandboxes/{sandbox_id}"
LATER = timedelta(seconds=60)  # then a job does what nobody has done
BUSY = {"x-problems": ["sandbox-busy"]}
FULL = {"x-problems": ["sandbox-busy", "too-many-sandboxes"]}
ENOUGH = {"x-problems": ["sandbox-busy", "too-many-snapshots"]}
JSONL = {"type": "string", "format": "binary"}  # bytes, to whoever makes a client of the description
FILE = {
    "x-problems": ["broken-file", "too-many-sandboxes", "body-too-large", "unsupported-media-type"],
    "requestBody": {
        "required": True,
        "content": {MEDIA_TYPE: {"schema": JSONL, "example": '{"format":"engage-sandbox-1","…":"…"}\n'}},
    },
}
router = APIRouter(tags=["Sandboxes"], route_class=DirectRoute)
Write = Annotated[Call, guard(Scope.SANDBOX_WRITE)]
NewReset = Annotated[ResetCreate, json_body(ResetCreate)]
NewFork = Annotated[ForkCreate, json_body(ForkCreate)]
NewSnapshot = Annotated[SnapshotCreate, json_body(SnapshotCreate)]
NewRestoration = Annotated[RestorationCreate, json_body(RestorationCreate)]
RESET, FORK, NOW = ResetCreate(), ForkCreate(), SnapshotCreate()
Sort = Annotated[Literal["createdAt", "-createdAt", "updatedAt", "-updatedAt"], Field(description=SORTED)]
_log = structlog.get_logger("engage.sandbox")


class SnapshotQuery(ListQuery):
    """Which snapshots."""

    sort: Sort = "-createdAt"
    search: Filter | None = Field(None, description="Words of the name.")
    state: SnapshotState | None = Field(None, description="Only those in this state.")


class ExportQuery(Parameters):
    """What is to be exported."""

    snapshot_id: Reference | None = Field(None, description="A snapshot of the sandbox; left out: the sandbox.")


@router.post(f"{PATH}/resets", status_code=201, response_model=Sandbox, summary="Reset a sandbox", openapi_extra=BUSY)
async def reset_sandbox(sandbox_id: str, call: Write, body: NewReset = RESET) -> Response:  # noqa: ARG001  # it is empty
    """Back to how it was made: the same seed makes the same again, with the same log, and the clock says what it said
    then. The first key stays, all others end. A tiny one is ready when it is answered; a larger one is `resetting` for
    a while. Snapshots stay.
    """

    async def work(tx: Transaction) -> Answer:
        was = await hold(tx, call.principal, sandbox_id)
        within = LATER if was.model.size == "tiny" else timedelta()
        return shown(await service.reset(tx, call.principal, was, within), 201, {"Location": f"{HERE}/{sandbox_id}"})

    return await _answer(call, sandbox_id, work)


@router.post(
    f"{PATH}/forks", status_code=201, response_model=SandboxWithKey, summary="Fork a sandbox", openapi_extra=FULL
)
async def fork_sandbox(sandbox_id: str, call: Write, body: NewFork = FORK) -> Response:
    """A copy of all that is in it, with the same ids, log and clock, that goes its own way from here on; and a key to
    it that is shown this once. A large one is `copying` for a while: until it is ready its key opens nothing, and
    nobody writes in the parent.
    """

    async def work(tx: Transaction, at_once: int) -> Answer:
        was = await hold(tx, call.principal, sandbox_id)
        stored, made = await service.fork(tx, call.principal, was, body, call.services, at_once)
        return shown_once(stored, "key", made, f"{HERE}/{stored.model.id}")

    return await _either(call, work)


@router.post(
    f"{PATH}/snapshots",
    status_code=201,
    response_model=Snapshot,
    summary="Create a snapshot of a sandbox",
    openapi_extra=ENOUGH,
)
async def create_sandbox_snapshot(sandbox_id: str, call: Write, body: NewSnapshot = NOW) -> Response:
    """The sandbox as it is, to go back to. Of a large one it is `copying` for a while, and nobody writes in the sandbox
    meanwhile. At most ten, without an account three.
    """

    async def work(tx: Transaction, at_once: int) -> Answer:
        was = await hold(tx, call.principal, sandbox_id)
        stored = await service.snapshot(tx, call.principal, was, body, call.services.webhooks.box, at_once)
        return shown(stored, 201, {"Location": f"{HERE}/{sandbox_id}/snapshots/{stored.model.id}"})

    return await _either(call, work)


@router.get(f"{PATH}/snapshots", response_model=Page[Snapshot], summary="List the snapshots of a sandbox")
async def list_sandbox_snapshots(sandbox_id: str, call: Write, query: Annotated[SnapshotQuery, Query()]) -> Response:
    """All of them, whoever took them."""
    await require(call.db, call.principal, sandbox_id)
    return await _whole(call, sandbox_id).page(SNAPSHOT, query, sandbox_id=sandbox_id)


@router.get(f"{PATH}/snapshots/{{snapshot_id}}", response_model=Snapshot, summary="Read a snapshot of a sandbox")
async def get_sandbox_snapshot(sandbox_id: str, snapshot_id: str, call: Write) -> Response:
    """What was in the sandbox is shown by a restoration alone."""
    await require(call.db, call.principal, sandbox_id)
    await service.require_snapshot(call.db, call.principal, sandbox_id, snapshot_id)
    return await _whole(call, sandbox_id).document(SNAPSHOT, snapshot_id)


@router.delete(
    f"{PATH}/snapshots/{{snapshot_id}}",
    status_code=204,
    summary="Delete a snapshot of a sandbox",
    openapi_extra=BUSY,
)
async def delete_sandbox_snapshot(sandbox_id: str, snapshot_id: str, call: Write) -> Response:
    """It is gone for good."""
    await require(call.db, call.principal, sandbox_id)
    return await _whole(call, sandbox_id).remove(
        lambda tx: service.delete_snapshot(tx, call.principal, (sandbox_id, snapshot_id), call.if_match)
    )


@router.post(
    f"{PATH}/restorations",
    status_code=201,
    response_model=Sandbox,
    summary="Bring a sandbox back to a snapshot",
    openapi_extra=BUSY,
)
async def restore_sandbox(sandbox_id: str, call: Write, body: NewRestoration) -> Response:
    """What was done since then is gone, the clock says what it said then, and keys that were made since then end. A
    large one is `restoring` for a while.
    """

    async def work(tx: Transaction, at_once: int) -> Answer:
        was = await hold(tx, call.principal, sandbox_id)
        stored = await service.restore(tx, call.principal, was, body.snapshot_id, call.services.webhooks.box, at_once)
        return shown(stored, 201, {"Location": f"{HERE}/{sandbox_id}"})

    return await _ended(call, sandbox_id, _either(call, work))


@router.get(
    f"{PATH}/export",
    response_class=JsonLines,
    summary="Export a sandbox as a file",
    openapi_extra={"x-problems": ["needs-snapshot", "sandbox-busy"]},
)
async def export_sandbox(sandbox_id: str, call: Write, query: Annotated[ExportQuery, Query()]) -> Response:
    """All that is in it as JSON Lines, which makes another sandbox anywhere (`POST /v1/sandboxes/imports`): its
    resources, its log and how its world stood. Not in it: secrets, keys, tokens, deliveries, account links and stories
    that are under way. With `snapshotId` a snapshot is exported; a large sandbox needs that.
    """
    return await exporting.answer(call, sandbox_id, query.snapshot_id)


@router.post(
    "/sandboxes/imports",
    status_code=201,
    response_model=SandboxWithKey,
    summary="Import a sandbox from a file",
    openapi_extra=FILE,
)
async def import_sandbox(call: Write) -> Response:
    """A new sandbox from what an export has written, and a key to it that is shown this once. Webhook endpoints come
    disabled, since secrets are in no file. What is wrong is told with its line, and then nothing is left of it.
    """
    stored, made = await importing.take(arriving.sent(call))
    return shown_once(stored, "key", made, f"{HERE}/{stored.model.id}").response()


def _whole(call: Call, sandbox_id: str) -> Call:
    return Call(call.request, service.whole(call.principal, sandbox_id), call.services)


async def _ended(call: Call, sandbox_id: str, doing: Awaitable[Response]) -> Response:
    """What was done across workspaces, after which some keys open nothing any more."""
    answer = await doing
    call.services.doorkeeper.forget_workspace(sandbox_id)
    return answer


async def _either(call: Call, work: Callable[[Transaction, int], Awaitable[Answer]]) -> Response:
    """At once, or by a job."""
    return await service.either(lambda at_once: _done(call, lambda tx: work(tx, at_once)))


async def _done(call: Call, work: Work) -> Response:
    return await call.services.once.run(call.request, home(call.principal), work, door=call.db.aside)


async def _answer(call: Call, sandbox_id: str, work: Work) -> Response:
    """Of a reset: a tiny one is done now. If that takes too long, it is answered as it is: a job goes on."""
    made = await _ended(call, sandbox_id, _done(call, work))
    if "idempotent-replayed" in made.headers or json.loads(bytes(made.body))["size"] != "tiny":
        return made
    try:
        async with asyncio.timeout(AT_ONCE):
            stored = await resetting.again(call.db, sandbox_id)
    except Exception as error:  # noqa: BLE001  # the order stands, and a job goes on
        _log.warning("a sandbox is reset later", sandbox=sandbox_id, error=repr(error))
        return made
    call.services.doorkeeper.forget_workspace(sandbox_id)
    return made if stored is None else shown(stored, 201, {"Location": made.headers["location"]}).response()
