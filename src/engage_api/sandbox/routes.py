"""Sandboxes over HTTP."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Response
from pydantic import Field

from engage_api.access.guard import guard
from engage_api.access.sandboxes.models import SANDBOX, Sandbox, SandboxState
from engage_api.access.welcome import welcome
from engage_api.core.scopes import Scope
from engage_api.http.call import Call
from engage_api.http.pages import SORTED, Filter, ListQuery, Page
from engage_api.http.route import DirectRoute
from engage_api.http.strict import json_body
from engage_api.sandbox import looking, service
from engage_api.sandbox.models import SandboxCreate, SandboxUpdate, SandboxWithKey
from engage_api.sandbox.opening import Opening

PATH = "/sandboxes"
NEW = {"x-problems": ["too-many-sandboxes", "no-room-for-guests"]}
GONE = {"x-problems": ["sandbox-kept", "sandbox-busy"]}
router = APIRouter(prefix=PATH, tags=["Sandboxes"], route_class=DirectRoute)
Write = Annotated[Call, guard(Scope.SANDBOX_WRITE)]
Anybody = Annotated[Call, welcome(Scope.SANDBOX_WRITE)]
NewSandbox = Annotated[SandboxCreate, json_body(SandboxCreate)]
Patch = Annotated[SandboxUpdate, json_body(SandboxUpdate)]
USUAL = SandboxCreate()

Sort = Annotated[Literal["createdAt", "-createdAt", "updatedAt", "-updatedAt"], Field(description=SORTED)]


class SandboxQuery(ListQuery):
    """Which sandboxes."""

    sort: Sort = "-createdAt"
    search: Filter | None = Field(None, description="Words of the name.")
    state: SandboxState | None = Field(None, description="Only those in this state.")


@router.post("", status_code=201, response_model=SandboxWithKey, summary="Create a sandbox", openapi_extra=NEW)
async def create_sandbox(call: Anybody, body: NewSandbox = USUAL) -> Response:
    """A closed world of data with a clock of its own, and a key to it that is shown this once.

    A tiny one is filled when it is answered; a larger one is `seeding` for a while. Without a credential it is tiny or
    small, stays for three days at most, and an address may make so many in an hour.
    """
    return await Opening(call, body).answer()


@router.get("", response_model=Page[Sandbox], summary="List sandboxes")
async def list_sandboxes(call: Write, query: Annotated[SandboxQuery, Query()]) -> Response:
    """Those that your application made, and the one that your organization has; for the operator all of them."""
    return await looking.at_home(call).page(SANDBOX, query)


@router.get("/{sandbox_id}", response_model=Sandbox, summary="Read a sandbox")
async def get_sandbox(sandbox_id: str, call: Write) -> Response:
    """One that your application made, your organization's, or the one that your key belongs to. `work` says how far it
    is while it is busy: what is answered then has a weak ETag.
    """
    return await looking.answer(call, sandbox_id)


@router.patch("/{sandbox_id}", response_model=Sandbox, summary="Update a sandbox")
async def update_sandbox(sandbox_id: str, call: Write, body: Patch) -> Response:
    """A JSON Merge Patch: what is absent stays."""
    own = looking.at_home(call)
    return await own.change(lambda tx: service.change(tx, call.principal, sandbox_id, body, call.if_match))


@router.delete("/{sandbox_id}", status_code=204, summary="Delete a sandbox", openapi_extra=GONE)
async def delete_sandbox(sandbox_id: str, call: Write) -> Response:
    """Its keys and tokens end at once, and all that is in it goes. The sandbox of an organization stays."""
    own = looking.at_home(call)
    answer = await own.remove(lambda tx: service.delete(tx, call.principal, sandbox_id, call.if_match))
    call.services.doorkeeper.forget_workspace(sandbox_id)
    return answer
