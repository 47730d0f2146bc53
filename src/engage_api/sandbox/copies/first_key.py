"""The first key of a copy. It stands where the first key of the parent stood, so the logs of both are the same."""

from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel
from sqlalchemy import bindparam, insert, select, update

from engage_api.access.models import API_KEY, ApiKey, ApiKeyRow, CredentialRow
from engage_api.core import clock, ids, secret
from engage_api.core.principal import Principal
from engage_api.core.secret import Secret
from engage_api.db import world
from engage_api.db.engine import Transaction
from engage_api.db.row import EventRow
from engage_api.db.sql import Query
from engage_api.db.world import WorldRow
from engage_api.sandbox import service

_event = EventRow.__table__  # type: ignore[attr-defined]
_world = WorldRow.__table__  # type: ignore[attr-defined]
_key, _credential = ApiKeyRow.__table__, CredentialRow.__table__  # type: ignore[attr-defined]
_FIRST = Query(
    select(_event.c.type, _event.c.data).where(
        _event.c.workspace_id == bindparam("at_workspace"), _event.c.sequence == service.FIRST
    )
)
_KEEP = Query(insert(_key), [c.name for c in _key.columns])
_MARK = Query(insert(_credential), [c.name for c in _credential.columns])
_NOTE = Query(
    update(_world).where(_world.c.workspace_id == bindparam("at_workspace")).values(first_key=bindparam("first_key"))
)


class Kept(BaseModel):
    """A key that opens nothing yet: its document, its fingerprint in hexadecimal, and whose application's it is."""

    document: str
    mark: str
    made_by: str


@dataclass(frozen=True, slots=True)
class FirstKey:
    """A key as it is shown, and as it is kept."""

    made: Secret
    kept: Kept


async def make(tx: Transaction, who: Principal, pepper: bytes, source: str) -> FirstKey:
    """A key like the first one of this workspace, for whoever is at home and copies it. It opens nothing yet.

    There is somebody's data in it, so it can do no more than they can, from where they can, and for as long.
    """
    made = secret.make("test", "key")
    now = await world.time(tx, source)
    fields: dict[str, Any] = {"id": ids.new(API_KEY.prefix), "created_at": now, "version": 1}
    row = await tx.one(_FIRST, at_workspace=source)
    if row is not None and row.type == API_KEY.event("created"):
        was = API_KEY.read(row.data)
        fields = {"id": was.id, "created_at": was.created_at, "version": was.version}
    model = ApiKey.model_construct(
        **fields,
        updated_at=fields["created_at"],
        name=service.FIRST_KEY,
        scopes=sorted(await service.scopes_of_first_key(tx, who) & who.scopes),
        networks=[str(network) for network in who.networks],
        expires_at=service.carried(who.expires_at, clock.host(), now),
        application_id=who.application,
        plan=who.plan.name,
        hint=made.hint,
    )
    document = API_KEY.render(model).decode()
    return FirstKey(
        made, Kept(document=document, mark=secret.fingerprint(pepper, made.reveal()).hex(), made_by=who.application)
    )


async def keep(tx: Transaction, workspace: str, kept: Kept) -> None:
    """From the commit on it opens this workspace."""
    document = kept.document.encode()
    model = API_KEY.read(document)
    values = {"workspace_id": workspace, "id": model.id, "version": model.version, "made_by": kept.made_by}
    values |= {"created_at": model.created_at, "updated_at": model.updated_at}
    await tx.run(_KEEP, **values, rendered=API_KEY.schema, document=document, **API_KEY.columns(model))
    await tx.run(_MARK, workspace_id=workspace, key_id=model.id, fingerprint=bytes.fromhex(kept.mark))
    await tx.run(_NOTE, at_workspace=workspace, first_key=model.id)
