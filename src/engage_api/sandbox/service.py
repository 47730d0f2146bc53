"""The rules for sandboxes: who manages which, how one is made, changed and ended."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from engage_api.access import keys, worlds
from engage_api.access.applications.models import APPLICATION
from engage_api.access.applications.models import OPERATOR as OPERATOR_APPLICATION
from engage_api.access.models import ApiKeyCreate
from engage_api.access.organizations.models import ORGANIZATION
from engage_api.access.sandboxes import making
from engage_api.access.sandboxes.making import New
from engage_api.access.sandboxes.models import SANDBOX, Sandbox
from engage_api.access.worlds import GUESTS, LIVE, OF_SANDBOXES
from engage_api.core import clock
from engage_api.core.principal import Principal
from engage_api.core.problem import Fault, InvalidRequest, NotFound, Problem
from engage_api.core.scopes import Scope
from engage_api.core.secret import Secret
from engage_api.core.world import SandboxBusy, World, entered
from engage_api.db import reader, store, world
from engage_api.db.engine import Database, Transaction
from engage_api.db.store import Happened, Stored
from engage_api.http import etags
from engage_api.http.patches import patched
from engage_api.jobs import enqueue
from engage_api.sandbox.jobs import SEED, WIPE, Ended, Wanted
from engage_api.sandbox.models import SandboxFields, SandboxUpdate
from engage_api.settings import Guests

MOST = 10  # of an application
MOST_OF_GUEST = 3
LONGEST, LONGEST_OF_GUEST = timedelta(days=90), timedelta(days=3)
UNHEARD = timedelta(seconds=5)  # within which every process has heard that its credentials have ended
HOUR = 3_600  # seconds
LAST = datetime(9999, 12, 31, tzinfo=UTC)
FIRST_KEY = "First key"
SIGN_UP = "Try again later, or sign up: with an account you can make one now."
FIRST = 1  # the number in the log of a sandbox that the making of its first key has


class TooManySandboxes(Problem):
    """An application has ten sandboxes at most; one that was made without an account has three, with their forks.

    Delete one, or reset one that you have.
    """

    code, status, title = "too-many-sandboxes", 409, "The application has enough sandboxes"


class NoRoom(Problem):
    """There are as many sandboxes without an account as this service has room for, or it takes none.

    Some end within the hour. With an account you can make one now.
    """

    code, status, title = "no-room-for-guests", 503, "There is no room for another guest"


class SandboxKept(Problem):
    """This is the sandbox that an organization got when it was made: all of its applications share it.

    Reset it instead of deleting it.
    """

    code, status, title = "sandbox-kept", 409, "The sandbox belongs to its organization"


def home(principal: Principal, sandbox_id: str = "") -> Principal:
    """The caller as who manages sandboxes: in the live workspace, where these are kept.

    There they see what their application made, the operator everything. Whoever is in the sandbox of this id sees it,
    too, so what comes of this is good for that one alone.
    """
    every = principal.sees_workspace and (principal.live or principal.workspace == sandbox_id)
    ends = carried(principal.expires_at, clock.business(principal.workspace), clock.host())
    return replace(principal, workspace=LIVE, live=True, sees_workspace=every, expires_at=ends)


def carried(moment: datetime | None, was: datetime, now: datetime) -> datetime | None:
    """A moment by another clock: as long after `now` as it is after `was`, or the last one that can be written."""
    return None if moment is None else now + min(moment - was, LAST - now)


def is_guest(principal: Principal) -> bool:
    """Whether they have no account; also when they hold the key of a sandbox that they made so."""
    return principal.organization == GUESTS


async def require(db: Database, principal: Principal, sandbox_id: str) -> Stored[Sandbox]:
    """The sandbox that the caller manages under this id: the one way to it, for whatever is done with one.

    Raises:
        NotFound: there is none, or none that they manage, or its time is over.
    """
    return _managed(principal, await reader.stored(db, home(principal, sandbox_id), SANDBOX, sandbox_id))


async def hold(tx: Transaction, principal: Principal, sandbox_id: str) -> Stored[Sandbox]:
    """The same inside a transaction at the live workspace, where it stays as it is until the end.

    Whoever changes it then is `home(principal, sandbox_id)`.
    """
    return _managed(principal, await reader.find(tx, home(principal, sandbox_id), SANDBOX, sandbox_id))


def _managed(principal: Principal, found: Stored[Sandbox] | None) -> Stored[Sandbox]:
    """Whatever all applications of an organization share is seen from their other sandboxes, and not managed there: the
    key of each of those has `sandbox:write`, and is handed on.
    """
    if found is None or (found.model.expires_at is not None and found.model.expires_at <= clock.host()):
        raise NotFound
    if found.made_by == principal.organization and not principal.live and principal.workspace != found.model.id:
        raise NotFound
    return found


async def require_room(tx: Transaction, who: Principal, guests: Guests) -> None:
    """Refuse an application that has enough sandboxes, and a guest when there is no room for another one of theirs.

    `who` is at home, and its turn to make one lasts until the end of the transaction.

    Raises:
        TooManySandboxes: it has.
        NoRoom: there is none, or the operator has suspended the organization of guests.
    """
    await reader.find(tx, who, APPLICATION, who.application)
    own, guest = replace(who, sees_workspace=False), is_guest(who)
    most = MOST_OF_GUEST if guest else MOST
    if await reader.number(tx, replace(own, organization=""), SANDBOX, {}) >= most:  # what is shared is nobody's
        whose = "Without an account you have" if guest else "An application has"
        told = f"{whose} at most {most}, with their forks: delete one (DELETE /v1/sandboxes/{{id}}), or reset it."
        raise TooManySandboxes(told)
    if not guest:
        return
    organization = await reader.find(tx, own, ORGANIZATION, GUESTS)  # locked: guests take turns
    if organization is None or organization.model.state != "approved":
        raise NoRoom(f"None without an account just now. {SIGN_UP}", headers={"Retry-After": str(HOUR)})
    if await worlds.number_of_sandboxes(tx, GUESTS) >= guests.room:
        raise NoRoom(f"There are {guests.room} already. {SIGN_UP}", headers={"Retry-After": str(HOUR // 6)})


async def make(
    tx: Transaction, who: Principal, pepper: bytes, new: New, *, within: timedelta = timedelta()
) -> tuple[Stored[Sandbox], Secret]:
    """Make a sandbox with its first key, in a transaction across workspaces; `who` is at home. What is to be filled is
    filled by a job, which begins after `within`: until then somebody else may do it.
    """
    stored = await making.make(tx, who, new)
    made = await _first_key(tx, who, pepper, stored.model, new.quota)
    if new.state == "seeding":
        wanted = Wanted(sandbox=new.id)
        await enqueue(tx, SEED, wanted, workspace=LIVE, run_at=clock.host() + within, unique_key=new.id)
    return stored, made


async def scopes_of_first_key(tx: Transaction, who: Principal) -> frozenset[Scope]:
    """Whatever can be done in a sandbox and the application of `who` asks for. A stranger gets as much in one of their
    own, so it is no more than the caller could have: it opens nothing but the sandbox that comes with it. From where
    and for how long the caller may, holds for it as well.
    """
    if who.application == OPERATOR_APPLICATION:
        return OF_SANDBOXES
    application = await reader.find(tx, who, APPLICATION, who.application)
    return OF_SANDBOXES.intersection(application.model.scopes if application else ())


async def _first_key(tx: Transaction, who: Principal, pepper: bytes, sandbox: Sandbox, quota: int) -> Secret:
    """The first thing in the log of a sandbox."""
    scopes = await scopes_of_first_key(tx, who)
    ends = carried(who.expires_at, clock.host(), sandbox.starts_at)
    holder = replace(
        who, workspace=sandbox.id, live=False, scopes=scopes, sees_workspace=True, expires_at=ends, person=""
    )
    wanted = ApiKeyCreate(name=FIRST_KEY, scopes=sorted(scopes))
    with entered(World(sandbox.id, sandbox.seed, 0, quota, sandbox.starts_at)) as begun:
        _, made = await keys.create(tx, holder, pepper, wanted)
    await world.began(tx, begun, sequence=FIRST)
    return made


async def change(
    tx: Transaction, principal: Principal, sandbox_id: str, patch: SandboxUpdate, if_match: str | None
) -> Stored[Sandbox]:
    """Apply a merge patch to the version that the caller has read, at the live workspace."""
    who, was = home(principal, sandbox_id), await hold(tx, principal, sandbox_id)
    etags.require(if_match, was.document)
    fields = dict(patched(SandboxFields, was.model, patch))
    if fields["expires_at"] != was.model.expires_at:
        _require_end(who, was.model, fields["expires_at"])
        await worlds.expire_sandbox(tx, sandbox_id, fields["expires_at"])
    return await store.change(tx, who, SANDBOX, was, fields)


def _require_end(who: Principal, was: Sandbox, at: datetime | None) -> None:
    longest = LONGEST_OF_GUEST if is_guest(who) else LONGEST
    told = None
    if at is None or was.expires_at is None:
        told = "It cannot be taken away, nor given to a sandbox that stays."
    elif at <= clock.host():
        told = "It is over: delete the sandbox instead."
    elif at > was.created_at + longest:
        told = f"At most {longest.days} days after it was made."
    if told:
        raise InvalidRequest(errors=[Fault("out-of-range", told, pointer="/expiresAt")])


async def delete(tx: Transaction, principal: Principal, sandbox_id: str, if_match: str | None) -> None:
    """End a sandbox: at once its credentials, and then what is in it. `tx` is at the live workspace.

    Raises:
        SandboxKept: it is its organization's, and only the operator can delete it.
        SandboxBusy: it is being filled or copied.
    """
    who, was = home(principal, sandbox_id), await hold(tx, principal, sandbox_id)
    etags.require(if_match, was.document)
    if was.model.expires_at is None and not (principal.live and principal.sees_workspace):
        raise SandboxKept
    if was.model.state not in ("ready", "failed"):
        raise SandboxBusy(headers={"Retry-After": world.AGAIN})
    await end(tx, who, was, store.DELETED)


async def end(tx: Transaction, who: Principal, was: Stored[Sandbox], happened: Happened) -> None:
    """No credential of it works from now on, and a job takes all away that is in it."""
    await store.remove(tx, who, SANDBOX, was, happened)
    await worlds.end_sandbox(tx, was.model.id)
    ended = Ended(sandbox=was.model.id, application=was.made_by)
    await enqueue(tx, WIPE, ended, workspace=LIVE, run_at=clock.host() + UNHEARD, unique_key=was.model.id)
