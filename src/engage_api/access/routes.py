"""API keys over HTTP."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Response
from pydantic import Field

from engage_api.access import keys
from engage_api.access.guard import Stranger, anyone, guard
from engage_api.access.models import API_KEY, ApiKey, ApiKeyCreate, ApiKeyWithSecret, KeyRotation, LeakedKey
from engage_api.core.scopes import Scope
from engage_api.core.secret import Secret
from engage_api.db.engine import Transaction
from engage_api.db.store import Stored
from engage_api.http.call import Call, shown_once
from engage_api.http.idempotency import Answer
from engage_api.http.pages import SORTED, ListQuery, Page
from engage_api.http.route import DirectRoute
from engage_api.http.strict import json_body

PATH = "/api-keys"
router = APIRouter(prefix=PATH, tags=["API keys"], route_class=DirectRoute)
Read = Annotated[Call, guard(Scope.KEYS_READ)]
Write = Annotated[Call, guard(Scope.KEYS_WRITE)]
Anyone = Annotated[Stranger, anyone()]
NewKey = Annotated[ApiKeyCreate, json_body(ApiKeyCreate)]
Rotation = Annotated[KeyRotation, json_body(KeyRotation)]
Leak = Annotated[LeakedKey, json_body(LeakedKey)]

Sort = Annotated[Literal["createdAt", "-createdAt", "updatedAt", "-updatedAt"], Field(description=SORTED)]


class KeyQuery(ListQuery):
    """Which keys."""

    sort: Sort = "-createdAt"


@router.post("", status_code=201, response_model=ApiKeyWithSecret, summary="Create an API key")
async def create_api_key(call: Write, body: NewKey) -> Response:
    """The answer is the only one that shows the key. It can do at most what the key that makes it can do."""

    async def work(tx: Transaction) -> Answer:
        return _shown(*await keys.create(tx, call.principal, call.services.pepper, body))

    return await call.services.once.run(call.request, call.principal, work)


@router.get("", response_model=Page[ApiKey], summary="List API keys")
async def list_api_keys(call: Read, query: Annotated[KeyQuery, Query()]) -> Response:
    """The keys of the workspace, without the keys themselves."""
    return await call.page(API_KEY, query)


@router.get("/{key_id}", response_model=ApiKey, summary="Read an API key")
async def get_api_key(key_id: str, call: Read) -> Response:
    """What a key may do and when it was last used, without the key itself."""
    return await call.document(API_KEY, key_id)


@router.delete("/{key_id}", status_code=204, summary="Revoke an API key")
async def revoke_api_key(key_id: str, call: Write) -> Response:
    """The key ends at once: in this process with the next request, in others within a second."""
    answer = await call.remove(lambda tx: keys.revoke(tx, call.principal, key_id))
    call.services.doorkeeper.forget(key_id)
    return answer


@router.post(
    "/{key_id}/rotations",
    status_code=201,
    response_model=ApiKeyWithSecret,
    summary="Rotate an API key",
    openapi_extra={"x-problems": ["not-rotatable"]},
)
async def rotate_api_key(key_id: str, call: Write, body: Rotation) -> Response:
    """A new key takes its place, with the same scopes, addresses and expiry. The old one goes on working for the
    overlap, then ends. A key is rotated once.
    """

    async def work(tx: Transaction) -> Answer:
        return _shown(*await keys.rotate(tx, call.principal, call.services.pepper, key_id, body))

    answer = await call.services.once.run(call.request, call.principal, work)
    call.services.doorkeeper.forget(key_id)
    return answer


@router.post("/leaked", status_code=204, summary="Report a leaked API key")
async def report_leaked_api_key(stranger: Anyone, body: Leak) -> Response:
    """Whoever holds a key may end it: send the key itself, no other credential is needed.

    The answer is the same whether the key was known or not.
    """
    await stranger.services.doorkeeper.end(body.key)
    return Response(status_code=204)


def _shown(stored: Stored[ApiKey], made: Secret) -> Answer:
    return shown_once(stored, "key", made, f"/v1{PATH}/{stored.model.id}")
