"""One call of a known caller: what a handler needs, and the few ways in which handlers answer."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from fastapi import Request, Response

from engage_api.core.model import EXTERNAL_ID, Input
from engage_api.core.principal import Principal
from engage_api.core.problem import AlreadyExists, Fault, InvalidRequest, NotFound
from engage_api.core.secret import Secret
from engage_api.db import reader
from engage_api.db.engine import Database, Transaction
from engage_api.db.kind import Kind
from engage_api.db.store import Stored
from engage_api.http import etags, pages
from engage_api.http.cursors import Cursors
from engage_api.http.idempotency import Answer, Idempotency
from engage_api.http.limits import Limits
from engage_api.http.tally import Tally
from engage_api.jobs.figures import Figures
from engage_api.settings import Contact, Guests

T = TypeVar("T", bound=Input)
Put = Callable[[Transaction, Principal, str, T, etags.Preconditions], Awaitable[tuple[Stored[Any], bool]]]


class Keeper(Protocol):
    """What handlers ask of the guard's memory of credentials (`access.guard.Doorkeeper`)."""

    maker: Any
    """What makes faults for who asks for them (`access.faults.making.Maker`); this room does not know it."""

    async def recognise(self, token: str) -> Principal | None:
        """The holder of a token."""

    def forget(self, credential: str) -> None:
        """Look this credential up again at its next use."""

    def forget_customer(self, workspace: str, customer: str) -> None:
        """Look up again whatever lets this customer in."""

    def forget_workspace(self, workspace: str) -> None:
        """Look up again whatever opens this one."""

    def forget_all(self) -> None:
        """Look every credential up again: somebody who holds several may have changed."""

    async def end(self, token: str) -> None:
        """Revoke the key that this is, if it is one."""


@dataclass(frozen=True, slots=True)
class Services:
    """What one process has to serve requests with."""

    db: Database
    cursors: Cursors
    limits: Limits
    tally: Tally
    once: Idempotency
    doorkeeper: Keeper
    pepper: bytes
    base_url: str
    contact: Contact
    accounts: Any
    """What `access.accounts` keeps of its own; this room does not know it."""
    signing: Any
    """The keys that sign (`access.oauth.signing.Keyring`); nor does it know those."""
    jobs: Figures
    taps: Any
    """Who follows the log (`events.hub.Hub`); nor them."""
    webhooks: Any
    """What sends events to others (`events.webhooks.sender.Sender`); nor that."""
    settle: Callable[[str], Awaitable[None]]
    """Waits until all is done that is due in a sandbox whose clock stands still."""
    guests: Guests


class Call:
    """A request whose caller the guard has let in."""

    __slots__ = ("principal", "request", "services")

    def __init__(self, request: Request, principal: Principal, services: Services) -> None:
        self.request = request
        self.principal = principal
        self.services = services

    @property
    def db(self) -> Database:
        """The database. Reads go through `db.reader`."""
        return self.services.db

    @property
    def if_match(self) -> str | None:
        """The caller's precondition."""
        return etags.header(self.request, "if-match")

    async def document(self, kind: Kind[Any], row_id: str, *, by: str = "id") -> Response:
        """Answer one resource, with its ETag; 304 when the caller has it."""
        document = await reader.document(self.db, self.principal, kind, row_id, by=by)
        if document is None:
            raise NotFound
        return etags.answer(self.request, document)

    async def require(self, kind: Kind[Any], row_id: str) -> None:
        """Answer 404 when there is no such resource, or none that the caller may see."""
        if await reader.document(self.db, self.principal, kind, row_id) is None:
            raise NotFound

    async def page(self, kind: Kind[Any], query: pages.ListQuery, **fixed: str) -> Response:
        """Answer a page of a list; `fixed` are filters that the path sets."""
        place = pages.Place(self.request, self.db, self.services.cursors, self.principal)
        return await pages.answer(place, kind, query, fixed)

    async def create(self, path: str, make: Callable[[Transaction], Awaitable[Stored[Any]]]) -> Response:
        """Answer 201 with what was made, after its commit. `path` is the list it belongs to."""

        async def work(tx: Transaction) -> Answer:
            stored = await make(tx)
            return shown(stored, 201, {"Location": f"{self.request.scope['root_path']}{path}/{stored.model.id}"})

        return await self.services.once.run(self.request, self.principal, work)

    async def act(self, change: Callable[[Transaction], Awaitable[Stored[Any]]]) -> Response:
        """Answer 200 with what the action changed, after its commit; repeatable with an idempotency key."""

        async def work(tx: Transaction) -> Answer:
            return shown(await change(tx), 200)

        return await self.services.once.run(self.request, self.principal, work)

    async def change(self, change: Callable[[Transaction], Awaitable[Stored[Any]]]) -> Response:
        """Answer 200 with the changed resource, after its commit."""
        async with self.db.write(self.principal.workspace) as tx:
            stored = await change(tx)
        return shown(stored, 200).response()

    async def put(self, path: str, external_id: str, wanted: T, put: Put[T]) -> Response:
        """Answer 201 with what was made or 200 with what was replaced, after its commit.

        Raises:
            NotFound: no external id looks like this one.
            InvalidRequest: the body names another one.
        """
        wanted = _named(external_id, wanted)
        conditions = etags.Preconditions(self.if_match, etags.header(self.request, "if-none-match"))
        try:
            async with self.db.write(self.principal.workspace) as tx:
                stored, new = await put(tx, self.principal, external_id, wanted, conditions)
        except AlreadyExists:  # somebody made it between our look and our write: now it is there to be replaced
            async with self.db.write(self.principal.workspace) as tx:
                stored, new = await put(tx, self.principal, external_id, wanted, conditions)
        place = {"Location": f"{self.request.scope['root_path']}{path}/{stored.model.id}"}
        return shown(stored, 201 if new else 200, place if new else {}).response()

    async def remove(self, remove: Callable[[Transaction], Awaitable[None]]) -> Response:
        """Answer 204 when it is gone, after the commit."""
        async with self.db.write(self.principal.workspace) as tx:
            await remove(tx)
        return Response(status_code=204)


def _named(external_id: str, wanted: T) -> T:
    """What is wanted, under the external id of the path."""
    if not EXTERNAL_ID.fullmatch(external_id):
        raise NotFound
    if getattr(wanted, "external_id", None) not in (None, external_id):
        told = "The path names another id. Leave it out here, or say the same."
        raise InvalidRequest(errors=[Fault("contradiction", told, pointer="/externalId")])
    return wanted.model_copy(update={"external_id": external_id})


def shown_once(stored: Stored[Any], name: str, made: Secret, place: str = "") -> Answer:
    """The answer 201 that shows a secret beside its resource, this once; kept encrypted for a repetition.

    `place` is the address of the resource, if it has one. The ETag is of what is read there, without the secret.
    """
    body = stored.document[:-1] + f',"{name}":"{made.reveal()}"}}'.encode()  # its letters need no escaping
    headers = {"Location": place, "ETag": etags.strong(stored.document)} if place else {}
    return Answer(201, body, headers, secret=True)


def shown(stored: Stored[Any], status: int, headers: dict[str, str] | None = None) -> Answer:
    """The answer that shows a resource as it was written."""
    return Answer(status, stored.document, {"ETag": etags.strong(stored.document), **(headers or {})})
