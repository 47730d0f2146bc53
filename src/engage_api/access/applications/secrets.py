"""Client secrets: several at a time, so that one follows another without a pause."""

from sqlalchemy import insert

from engage_api.access import holders, worlds
from engage_api.access.applications import service
from engage_api.access.applications.models import APPLICATION, OPERATOR
from engage_api.access.applications.secret_models import (
    CLIENT_SECRET,
    ClientSecret,
    ClientSecretCreate,
    ClientSecretMarkRow,
)
from engage_api.core import clock, secret
from engage_api.core.principal import Principal
from engage_api.core.problem import Fault, InvalidRequest, NotFound, Problem
from engage_api.core.secret import Secret
from engage_api.db import reader, store
from engage_api.db.engine import Transaction
from engage_api.db.sql import Query
from engage_api.db.store import Stored

MOST = 5  # in one environment

_mark = ClientSecretMarkRow.__table__  # type: ignore[attr-defined]
_ADD = Query(insert(_mark), [c.name for c in _mark.columns])


class TooManySecrets(Problem):
    """An application has at most five client secrets in each environment. Delete one that is not used any more."""

    code, status, title = "too-many-secrets", 409, "The application has enough client secrets"


class PublicClient(Problem):
    """An application of client type `public` runs at its users' and can keep no secret, so it has none."""

    code, status, title = "public-client", 409, "The application has no client secrets"


async def create(
    tx: Transaction, principal: Principal, pepper: bytes, application_id: str, wanted: ClientSecretCreate
) -> tuple[Stored[ClientSecret], Secret]:
    """Make a secret beside those that are there.

    Raises:
        OperatorsOwn: the operator's own application has none.
        PublicClient: it could not keep it.
        InsufficientScope: with a live secret somebody could do, now or once it is granted, what the principal cannot.
        TooManySecrets: there are enough.
        InvalidRequest: it would have expired already.
    """
    application = await service.require(tx, principal, application_id)
    if application_id == OPERATOR:
        raise worlds.OperatorsOwn
    if application.model.client_type == "public":
        raise PublicClient
    if wanted.environment == "live":
        holders.require_scopes(principal, application.model.scopes)  # what is granted is among them
    if wanted.expires_at is not None and wanted.expires_at <= clock.business(principal.workspace):
        raise InvalidRequest(errors=[Fault("past", "It would have expired already.", pointer="/expiresAt")])
    same = {"application_id": application_id, "environment": wanted.environment}
    if await reader.number(tx, principal, CLIENT_SECRET, same) >= MOST:
        raise TooManySecrets
    made = secret.make(wanted.environment, "secret")
    fields = {
        **dict(wanted),
        "application_id": application_id,
        "organization_id": application.model.organization_id,
        "hint": made.hint,
    }
    stored = await store.create(tx, principal, CLIENT_SECRET, fields)
    fingerprint = secret.fingerprint(pepper, made.reveal())
    await tx.run(_ADD, workspace_id=principal.workspace, secret_id=stored.model.id, fingerprint=fingerprint)
    return stored, made


async def delete(tx: Transaction, principal: Principal, application_id: str, secret_id: str) -> None:
    """End a secret, and with it the tokens that were got with it: the database deletes them in every workspace."""
    found = await reader.find(tx, principal, CLIENT_SECRET, secret_id)
    seen = found is not None and await reader.keep(tx, principal, APPLICATION, application_id)
    if found is None or not seen or found.model.application_id != application_id:
        raise NotFound
    await store.remove(tx, principal, CLIENT_SECRET, found)
