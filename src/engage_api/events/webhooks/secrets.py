"""The secrets of endpoints: one that signs, and during a rotation the one before it. They are kept encrypted."""

from contextlib import suppress
from secrets import token_bytes

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import bindparam, insert, select

from engage_api.access.keys import overlap
from engage_api.core import clock
from engage_api.core.principal import Principal
from engage_api.core.secret import Secret
from engage_api.db import store
from engage_api.db.engine import Database, Transaction
from engage_api.db.sql import Query
from engage_api.db.store import Stored
from engage_api.events.webhooks import signing
from engage_api.events.webhooks.models import (
    WebhookEndpoint,
)
from engage_api.events.webhooks.secret_models import (
    WEBHOOK_SECRET,
    WebhookSecret,
    WebhookSecretCreate,
    WebhookSecretRow,
    WebhookSecretSealRow,
)

PURPOSE = "webhook-secrets"  # of the key that they are encrypted with
NONCE = 12  # bytes

_secret = WebhookSecretRow.__table__  # type: ignore[attr-defined]
_seal = WebhookSecretSealRow.__table__  # type: ignore[attr-defined]
_KEEP = Query(insert(_seal), [c.name for c in _seal.columns])
_of_endpoint = (
    _secret.c.workspace_id == bindparam("workspace"),
    _secret.c.endpoint_id == bindparam("endpoint"),
)
_latest = (_secret.c.created_at.desc(), _secret.c.id.desc())
_ALL = Query(select(_secret.c.document, _secret.c.made_by).where(*_of_endpoint).order_by(*_latest).with_for_update())
_SEALED = Query(
    select(_secret.c.id, _secret.c.document, _secret.c.expires_at, _seal.c.sealed)
    .join_from(_secret, _seal, (_seal.c.workspace_id == _secret.c.workspace_id) & (_seal.c.secret_id == _secret.c.id))
    .where(*_of_endpoint)
    .order_by(*_latest)
)


class Box:
    """Encrypts secrets with one key of the service."""

    def __init__(self, key: bytes) -> None:
        self._box = AESGCM(key)

    def seal(self, workspace: str, secret_id: str, value: bytes) -> bytes:
        nonce = token_bytes(NONCE)
        return nonce + self._box.encrypt(nonce, value, _bound(workspace, secret_id))

    def open(self, workspace: str, secret_id: str, sealed: bytes) -> bytes | None:
        """None when it was encrypted with a secret of the service that is lost."""
        with suppress(InvalidTag):
            return self._box.decrypt(sealed[:NONCE], sealed[NONCE:], _bound(workspace, secret_id))
        return None


def _bound(workspace: str, secret_id: str) -> bytes:
    return f"{workspace} {secret_id}".encode()


async def create(
    tx: Transaction, principal: Principal, box: Box, endpoint: WebhookEndpoint
) -> tuple[Stored[WebhookSecret], Secret]:
    """A new secret of the endpoint, and what its receiver verifies with."""
    key = signing.new_key(endpoint.signing)
    shown = Secret(signing.shown(key))
    fields = {
        "endpoint_id": endpoint.id,
        "signing": endpoint.signing,
        "hint": shown.hint,
        "public_key": shown.reveal() if endpoint.signing == "ed25519" else None,
        "expires_at": None,
    }
    stored = await store.create(tx, principal, WEBHOOK_SECRET, fields)
    sealed = box.seal(principal.workspace, stored.model.id, key.value)
    await tx.run(_KEEP, workspace_id=principal.workspace, secret_id=stored.model.id, sealed=sealed)
    return stored, shown


async def rotate(
    tx: Transaction, principal: Principal, box: Box, endpoint: WebhookEndpoint, wanted: WebhookSecretCreate
) -> tuple[Stored[WebhookSecret], Secret]:
    """A new secret; the present one signs beside it for the overlap, an earlier one ends at once. So two at most sign.

    The caller holds the endpoint's row: rotations take turns.
    """
    until = clock.business(principal.workspace) + overlap(wanted.overlap)
    for was in await _all(tx, principal, endpoint.id):
        if was.model.expires_at is None:
            await store.change(tx, principal, WEBHOOK_SECRET, was, {"expires_at": until})
        else:
            await store.remove(tx, principal, WEBHOOK_SECRET, was)
    return await create(tx, principal, box, endpoint)


async def remove_all(tx: Transaction, principal: Principal, endpoint_id: str) -> None:
    """Delete those of an endpoint that is about to be deleted."""
    for was in await _all(tx, principal, endpoint_id):
        await store.remove(tx, principal, WEBHOOK_SECRET, was)


async def keys(db: Database, box: Box, workspace: str, endpoint_id: str) -> list[signing.Key]:
    """What deliveries are signed with now, the newest first; those that cannot be read any more are left out."""
    now, found = clock.business(workspace), []
    for row in await db.fetch(_SEALED, workspace, workspace=workspace, endpoint=endpoint_id):
        value = box.open(workspace, row.id, row.sealed)
        if value is not None and (row.expires_at is None or row.expires_at > now):
            found.append(signing.Key(WEBHOOK_SECRET.read(row.document).signing, value))
    return found


async def _all(tx: Transaction, principal: Principal, endpoint_id: str) -> list[Stored[WebhookSecret]]:
    rows = await tx.fetch(_ALL, workspace=principal.workspace, endpoint=endpoint_id)
    return [Stored(WEBHOOK_SECRET.read(row.document), row.document, row.made_by) for row in rows]
