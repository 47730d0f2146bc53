"""API keys: made, rotated, revoked; and found again by the guard."""

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from ipaddress import ip_network
from typing import NamedTuple

from sqlalchemy import bindparam, delete, insert

from engage_api.access import holders
from engage_api.access.applications.models import APPLICATION, OPERATOR
from engage_api.access.models import (
    API_KEY,
    ApiKey,
    ApiKeyCreate,
    ApiKeyRow,
    CredentialRow,
    KeyRotation,
)
from engage_api.core import clock, secret
from engage_api.core.principal import Principal
from engage_api.core.problem import Fault, InvalidRequest, NotFound, Problem
from engage_api.core.secret import Secret
from engage_api.core.world import working
from engage_api.db import reader, store
from engage_api.db.engine import Database, Transaction
from engage_api.db.errors import Unavailable
from engage_api.db.sql import Query
from engage_api.db.store import Stored

LONGEST_OVERLAP = timedelta(days=30)

_key = ApiKeyRow.__table__  # type: ignore[attr-defined]
_credential = CredentialRow.__table__  # type: ignore[attr-defined]

_ADD = Query(insert(_credential), [c.name for c in _credential.columns])
_HOLDER = Query(
    holders.of(_key, _key.c.document, plan=_key.c.plan)
    .join(
        _credential,
        (_key.c.workspace_id == _credential.c.workspace_id) & (_key.c.id == _credential.c.key_id),
    )
    .where(_credential.c.fingerprint == bindparam("fingerprint"))
)
_SHUT = Query(
    delete(_credential).where(
        _credential.c.workspace_id == bindparam("workspace"), _credential.c.key_id == bindparam("key_id")
    )
)
_DURATION = re.compile(r"PT(?:(\d+)H)?(?:(\d+)M)?|P(\d+)D")


class Use(NamedTuple):
    """When a key was last used."""

    workspace: str
    key: str
    time: datetime


class NotRotatable(Problem):
    """The key has been rotated before, it has expired, or it belongs to another application.

    A key is rotated once: `key` names the one in its place, and you can rotate that. In the place of an expired key
    create a new one.
    """

    code, status, title = "not-rotatable", 409, "The key cannot be rotated any more"


async def create(
    tx: Transaction, principal: Principal, pepper: bytes, wanted: ApiKeyCreate, *, like: ApiKey | None = None
) -> tuple[Stored[ApiKey], Secret]:
    """Make a key of the principal's application and plan, or of those of another key. Nobody gives away more than
    they have.

    Raises:
        InsufficientScope: a scope is asked for that the principal lacks.
        InvalidRequest: an address range or an expiry beyond the principal's own, or an expiry in the past.
    """
    _refuse_more(principal, wanted)
    made = secret.make("live" if principal.live else "test", "key")
    fields = {
        **{name: getattr(wanted, name) for name in ApiKeyCreate.model_fields},
        "application_id": like.application_id if like else principal.application,
        "plan": like.plan if like else principal.plan.name,
        "hint": made.hint,
        "last_used_at": None,
        "replaced_by": None,
    }
    fields["networks"] = fields["networks"] or [str(network) for network in principal.networks]
    fields["expires_at"] = fields["expires_at"] or principal.expires_at
    stored = await store.create(tx, principal, API_KEY, fields)
    mark = secret.fingerprint(pepper, made.reveal())
    await tx.run(_ADD, workspace_id=principal.workspace, key_id=stored.model.id, fingerprint=mark)
    return stored, made


async def rotate(
    tx: Transaction, principal: Principal, pepper: bytes, key_id: str, rotation: KeyRotation
) -> tuple[Stored[ApiKey], Secret]:
    """Make a key like this one, and let the old one end after the overlap.

    Raises:
        NotRotatable: it has been rotated before, or it has expired.
    """
    old = await require(tx, principal, key_id)
    if principal.application not in (old.model.application_id, OPERATOR):  # who sees it may end it, not take it over
        raise NotRotatable("It belongs to another application, which can rotate it.")
    now = clock.business(principal.workspace)
    _refuse_ended(old.model, now)
    end = now + overlap(rotation.overlap)
    wanted = ApiKeyCreate.model_construct(**{name: getattr(old.model, name) for name in ApiKeyCreate.model_fields})
    stored, made = await create(tx, principal, pepper, wanted, like=old.model)
    last = min(end, old.model.expires_at or end)
    await store.change(tx, principal, API_KEY, old, {"expires_at": last, "replaced_by": stored.model.id})
    return stored, made


def _refuse_ended(key: ApiKey, now: datetime) -> None:
    if key.replaced_by is not None:
        raise NotRotatable("It has been rotated already: rotate the key in its place.", more={"key": key.replaced_by})
    if key.expires_at is not None and key.expires_at <= now:
        raise NotRotatable("It has expired: create a new one.")


async def revoke(tx: Transaction, principal: Principal, key_id: str, happened: store.Happened = store.DELETED) -> None:
    """End a key at once."""
    await store.remove(tx, principal, API_KEY, await require(tx, principal, key_id), happened)


async def require(tx: Transaction, principal: Principal, key_id: str) -> Stored[ApiKey]:
    """The key, or NotFound."""
    found = await reader.find(tx, principal, API_KEY, key_id)
    if found is None:
        raise NotFound
    return found


async def holder(db: Database, mark: bytes) -> Principal | None:
    """Whose key this is the fingerprint of, or None when there is no such key or its holder may not act.

    Crosses workspaces, because the key is what says which one it belongs to. Expiry is the caller's to check.
    """
    row = await db.system.one(_HOLDER, None, fingerprint=mark)
    if row is None or not holders.may_act(row):
        return None
    key = API_KEY.read(row.document)
    scopes = set(key.scopes)
    if row.application_id != OPERATOR:  # the operator grants itself nothing
        application = APPLICATION.read(row.application)
        scopes.intersection_update(application.scopes if holders.is_test(row) else application.granted_scopes)
    networks = tuple(ip_network(network) for network in key.networks)
    return holders.principal(row, key.id, scopes, key.expires_at, networks)


async def note_use(db: Database, used: Sequence[Use]) -> list[Use]:
    """Write down when keys were last used. No event: nothing happened to the key itself.

    What is not written, because something holds its workspace up; nobody else's has to wait for that.
    """
    left, held = [], set()
    for use in used:
        if use.workspace not in held:
            try:
                with working():  # it draws no id and needs no time, so a copy does not mind
                    async with db.write(use.workspace) as tx:
                        await store.amend(tx, use.workspace, API_KEY, use.key, {"last_used_at": use.time})
                continue
            except Unavailable:
                held.add(use.workspace)
        left.append(use)
    return left


async def shut(db: Database, workspace: str, key_id: str) -> None:
    """Let a key open nothing from now on, though its sandbox is busy and nothing can be written in its log: there the
    key stays in the list until somebody deletes it.
    """
    async with db.system.write(None) as tx:
        await tx.run(_SHUT, workspace=workspace, key_id=key_id)


def _refuse_more(principal: Principal, wanted: ApiKeyCreate) -> None:
    holders.require_scopes(principal, wanted.scopes)
    faults = []
    for at, text in enumerate(wanted.networks):
        if principal.networks and not any(_within(text, str(own)) for own in principal.networks):
            faults.append(Fault("outside", "Not within the addresses of your own key.", pointer=f"/networks/{at}"))
    end = wanted.expires_at
    if end is not None and end <= clock.business(principal.workspace):
        faults.append(Fault("past", "The key would have expired already.", pointer="/expiresAt"))
    elif end is not None and principal.expires_at is not None and end > principal.expires_at:
        faults.append(Fault("outside", "Later than your own key expires.", pointer="/expiresAt"))
    if faults:
        raise InvalidRequest(errors=faults)


def _within(text: str, own: str) -> bool:
    inner, outer = ip_network(text), ip_network(own)
    return inner.version == outer.version and inner.subnet_of(outer)  # type: ignore[arg-type]  # versions are equal


def overlap(text: str) -> timedelta:
    """How long an old key or secret goes on working beside a new one.

    Raises:
        InvalidRequest: longer than 30 days.
    """
    match = _DURATION.fullmatch(text)
    hours, minutes, days = (int(part or 0) for part in match.groups()) if match else (0, 0, 0)
    found = timedelta(days=days, hours=hours, minutes=minutes)
    if found > LONGEST_OVERLAP:
        raise InvalidRequest(errors=[Fault("too-long", "At most 30 days.", pointer="/overlap")])
    return found
