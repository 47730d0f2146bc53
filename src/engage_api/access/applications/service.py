"""The rules for applications."""

from collections.abc import Sequence
from typing import Any

from engage_api.access import holders, worlds
from engage_api.access.applications.models import (
    APPLICATION,
    OPERATOR,
    Application,
    ApplicationCreate,
    ApplicationState,
    ApplicationUpdate,
)
from engage_api.access.applications.secret_models import CLIENT_SECRET
from engage_api.access.organizations.models import ORGANIZATION
from engage_api.core import ids
from engage_api.core.principal import Principal
from engage_api.core.problem import Fault, InvalidRequest, NotFound, Problem, UnknownReference
from engage_api.core.scopes import Scope
from engage_api.core.states import require_transition
from engage_api.db import reader, store
from engage_api.db.engine import Transaction
from engage_api.db.store import Stored
from engage_api.http import etags
from engage_api.http.patches import patched

MOST = 100  # of an organization
TRANSITIONS: dict[str, tuple[ApplicationState, ...]] = {
    "sandbox-only": ("live", "revoked"),
    "live": ("live", "revoked"),
    "revoked": (),
}


class OrganizationNotApproved(Problem):
    """Applications go live when their organization is approved. An operator approves it."""

    code, status, title = "organization-not-approved", 409, "The organization is not approved"


class ApplicationRevoked(Problem):
    """A revoked application is history: it is not changed any more. Make a new one."""

    code, status, title = "application-revoked", 409, "The application is revoked"


class TooManyApplications(Problem):
    """An organization makes at most a hundred, those that ended included: one serves many people and places.

    Use one that is there, with another key or another client secret for each place where it runs.
    """

    code, status, title = "too-many-applications", 409, "The organization has enough applications"


async def create(tx: Transaction, principal: Principal, wanted: ApplicationCreate) -> Stored[Application]:
    """Make an application; a new one works in sandboxes only.

    Raises:
        NeedsLive: the principal acts in a sandbox.
        UnknownReference: there is no such organization, or none that the principal may see.
        TooManyApplications: it has a hundred; whoever sees all organizations may make more for one.
    """
    worlds.require_live(principal)
    organization_id = wanted.organization_id or principal.organization
    if not await reader.keep(tx, principal, ORGANIZATION, organization_id):
        fault = Fault("unknown-reference", "There is no organization with this id.", pointer="/organizationId")
        raise UnknownReference(errors=[fault])
    if not principal.sees_workspace and await _number(tx, principal, organization_id) >= MOST:
        raise TooManyApplications
    application_id = ids.new(APPLICATION.prefix)
    fields = {**dict(wanted), "id": application_id, "organization_id": organization_id}
    return await store.create(tx, principal, APPLICATION, fields | born(application_id))


async def _number(tx: Transaction, principal: Principal, organization_id: str) -> int:
    return await reader.number(tx, principal, APPLICATION, {"organization_id": organization_id})


def born(application_id: str) -> dict[str, Any]:
    """What every new application has: the fields that nobody says."""
    return {
        "state": "sandbox-only",
        "granted_scopes": [],
        "test_client_id": f"{application_id}.test",
        "live_client_id": f"{application_id}.live",
    }


async def change(
    tx: Transaction, principal: Principal, application_id: str, patch: ApplicationUpdate, if_match: str | None
) -> Stored[Application]:
    """Apply a merge patch to the version that the caller has read. What is no longer asked for is no longer granted.

    Raises:
        OperatorsOwn: it is the operator's.
        InsufficientScope: it would let the caller get at scopes that they do not have.
    """
    was = await require(tx, principal, application_id)
    etags.require(if_match, was.document)
    if application_id == OPERATOR:
        raise worlds.OperatorsOwn
    fields = dict(patched(ApplicationCreate, was.model, patch))
    await _require_own(tx, principal, was.model, fields)
    granted = [scope for scope in was.model.granted_scopes if scope in fields["scopes"]]
    return await store.change(tx, principal, APPLICATION, was, fields | {"granted_scopes": granted})


async def _require_own(tx: Transaction, principal: Principal, was: Application, fields: dict[str, Any]) -> None:
    """Nobody gets at more than they have by changing an application that others trust.

    A live one leads people who agreed to it back to its redirect URIs, with codes; and its live secrets, whoever made
    them, get what is granted later.
    """
    if was.state == "live" and set(fields["redirect_uris"]) - set(was.redirect_uris):
        holders.require_scopes(principal, {*was.scopes, *was.granted_scopes})
    more = [scope for scope in fields["scopes"] if scope not in was.scopes]
    secrets = {"application_id": was.id, "environment": "live"}
    if more and await reader.has_any(tx, principal, CLIENT_SECRET, secrets):
        holders.require_scopes(principal, more)


async def move(
    tx: Transaction,
    principal: Principal,
    application_id: str,
    to: ApplicationState,
    scopes: Sequence[Scope] | None,
    if_match: str | None,
) -> Stored[Application]:
    """Let it into the live workspace with these scopes, or end it for good.

    Raises:
        OperatorsOwn: it is the operator's.
        OrganizationNotApproved: its organization has to wait.
    """
    was = await reader.find(tx, principal, APPLICATION, application_id)
    if was is None:
        raise NotFound
    etags.check(if_match, was.document)
    if application_id == OPERATOR:
        raise worlds.OperatorsOwn
    require_transition(TRANSITIONS, was.model.state, to)
    granted: list[str] = []
    if to == "live":
        organization = await reader.find(tx, principal, ORGANIZATION, was.model.organization_id)
        if organization is None or organization.model.state != "approved":
            raise OrganizationNotApproved
        granted = _granted(was.model, scopes, internal=organization.model.kind == "internal")
        holders.require_scopes(principal, granted)
    elif scopes is not None:
        raise InvalidRequest(errors=[Fault("not-applicable", "Only what goes live has scopes.", pointer="/scopes")])
    return await store.change(
        tx, principal, APPLICATION, was, {"state": to, "granted_scopes": granted}, store.Happened(to)
    )


def _granted(application: Application, scopes: Sequence[Scope] | None, *, internal: bool) -> list[str]:
    """Each scope by name, because what is asked for may have changed since somebody looked."""
    if scopes is None:
        raise InvalidRequest(errors=[Fault("missing", "Name the scopes that it gets.", pointer="/scopes")])
    faults = []
    for at, scope in enumerate(scopes):
        if scope not in application.scopes:
            faults.append(Fault("not-asked", "The application does not ask for it.", pointer=f"/scopes/{at}"))
        elif scope.administers and not internal:
            faults.append(Fault("internal-only", "Only internal organizations can have it.", pointer=f"/scopes/{at}"))
    if faults:
        raise InvalidRequest(errors=faults)
    return list(dict.fromkeys(scope.value for scope in scopes))


async def require(tx: Transaction, principal: Principal, application_id: str) -> Stored[Application]:
    """The application, as long as it can change.

    Raises:
        NotFound: there is none, or none that the principal may see.
        ApplicationRevoked: it has ended.
    """
    found = await reader.find(tx, principal, APPLICATION, application_id)
    if found is None:
        raise NotFound
    if found.model.state == "revoked":
        raise ApplicationRevoked
    return found
