"""What every page of an organization begins with: who is signed in, and what their role allows there."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import quote

from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import Response

from engage_api.access.accounts import attempts, forms, pages, sessions
from engage_api.access.accounts.models import Account
from engage_api.access.accounts.refusals import Nothing, Refusal, SignedOut
from engage_api.access.applications.models import APPLICATION, Application
from engage_api.access.members import roles, seats
from engage_api.access.members.refusals import IN_WORDS, WORDS, NotYours, Suspended
from engage_api.access.members.seats import Seat
from engage_api.access.worlds import LIVE
from engage_api.core.model import Input
from engage_api.core.principal import Principal
from engage_api.core.problem import InvalidRequest, Problem
from engage_api.core.scopes import Scope
from engage_api.db import reader
from engage_api.db.engine import Database, Transaction
from engage_api.db.kind import Kind, P
from engage_api.http import problems
from engage_api.http.call import Services

T = TypeVar("T", bound=Input)
HOME = "/account/organizations"
MOST = 200  # of anything on a page
Form = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Desk:
    """A member at the pages of one organization."""

    request: Request
    account: Account
    seat: Seat

    @property
    def services(self) -> Services:
        found: Services = self.request.scope["state"]["services"]
        return found

    @property
    def db(self) -> Database:
        return self.services.db

    @property
    def who(self) -> Principal:
        return self.seat.principal

    @property
    def path(self) -> str:
        """Where the organization's page is."""
        return f"{HOME}/{self.seat.organization.id}"

    @property
    def back(self) -> tuple[str, str]:
        """Where a page that says no leads back to: the application that it is about, else the organization."""
        if "application" in self.request.path_params:
            named = quote(self.request.path_params["application"])
            return f"{self.path}/applications/{named}", "Back to the application"
        return self.path, f"Back to {self.seat.organization.name}"

    def may(self, scope: Scope) -> bool:
        """Whether the role allows it, as long as anything is allowed here."""
        return scope in self.who.scopes and self.seat.organization.state != "suspended"

    def require(self, scope: Scope | None) -> None:
        """Go on where something may be done, and the role allows this; None: every role does.

        Raises:
            Suspended, NotYours: it is not so.
        """
        if self.seat.organization.state == "suspended":
            raise Suspended
        if scope is not None and not self.may(scope):
            raise NotYours

    def show(self, name: str, **values: Any) -> Response:
        """A page of this organization."""
        given: dict[str, Any] = {
            "seat": self.seat,
            "home": self.path,
            "may": self.may,
            "Scope": Scope,
            "meaning": roles.MEANING,
        }
        return pages.show(self.request, name, account=self.account, **given | values)

    def refuse(self, problem: Problem) -> Response:
        """What the API would refuse, in words for people, and what they can do."""
        title, advice = WORDS.get(problem.code, (problem.title, ""))
        told = [text for text in (problem.detail, *(fault.detail for fault in problem.errors)) if text != problem.title]
        told = [advice] if advice else told
        return self.show("refused.html", status=problem.status, title=title, told=told, back=self.back)

    def ask(self, form: Form, title: str, text: str, label: str) -> Response:
        """The page that asks whether somebody is sure; what it sends is the same form, with `sure`."""
        given = {"title": title, "text": text, "label": label, "form": form, "back": self.back}
        return self.show("sure.html", request_path=quote(self.request.url.path), **given)

    @asynccontextmanager
    async def write(self, workspace: str = LIVE) -> AsyncIterator[Transaction]:
        """A transaction until whose end the person may what they could when they came.

        Raises:
            Nothing: they are no member any more.
            Suspended: the organization is.
            NotYours: they have a lesser role now.
        """
        db, here = self.db if workspace == LIVE else self.db.system, self.seat.organization.id  # seats stand in LIVE
        async with db.write(workspace) as tx:
            await seats.take_turn(tx, here)
            now = await seats.held(tx, self.account.id, here)
            if now is None:
                raise Nothing
            if now.organization.state == "suspended":
                raise Suspended
            if not now.principal.scopes >= self.who.scopes:
                raise NotYours
            yield tx

    async def all(self, kind: Kind[P], who: Principal | None = None, **filters: str) -> list[P]:
        """What there is of a kind, the oldest first; of very many the newest."""
        ask = reader.Ask(filters, None, "-createdAt", None, MOST)
        found = await reader.page(self.db, who or self.who, kind, ask)
        return [kind.read(document) for document in reversed(found.documents)]

    async def application(self) -> Application:
        """The application that the address names.

        Raises:
            Nothing: the organization has none like it.
        """
        named = self.request.path_params["application"]
        document = await reader.document(self.db, self.who, APPLICATION, named)
        if document is None:
            raise Nothing
        return APPLICATION.read(document)


See = Callable[[Desk], Awaitable[Response]]
Do = Callable[[Desk, Form], Awaitable[Response]]


def seen(handler: See) -> pages.Handler:
    """A page for the members of an organization. For everybody else it does not exist."""

    async def answer(request: Request) -> Response:
        account = await sessions.who(request)
        if account is None:
            return pages.go(sessions.sign_in_path(request))
        desk = await _desk(request, account)
        try:
            return await handler(desk)
        except Refusal as refusal:
            refusal.back = desk.path, f"Back to {desk.seat.organization.name}"
            raise

    return answer


def done(scope: Scope | None, handler: Do) -> pages.Handler:
    """A form for members whose role allows this scope; None: for every member."""

    async def answer(request: Request) -> Response:
        account = await require_account(request)
        form = await forms.read(request, signed_in=True)
        await attempts.spend(request, attempts.ORGANIZE, account.id)
        desk = await _desk(request, account)
        try:
            desk.require(scope)
            return await handler(desk, form)
        except Refusal as refusal:
            refusal.back = desk.back
            raise
        except Problem as problem:
            return desk.refuse(problem)

    return answer


async def require_account(request: Request) -> Account:
    """Who is signed in; nobody's form is looked at."""
    account = await sessions.who(request)
    if account is None:
        raise SignedOut
    return account


def validated(model: type[T], fields: dict[str, Any]) -> T:
    """The model of a form's fields.

    Raises:
        InvalidRequest: what is wrong with them.
    """
    try:
        return model.model_validate(fields)
    except ValidationError as error:
        raise problems.invalid(error) from None


def mistakes(refused: InvalidRequest) -> dict[str, list[str]]:
    """What is wrong with a form, by the names of its fields."""
    found: dict[str, list[str]] = {}
    for fault in refused.errors:
        _, name, *within = (fault.pointer or "/").split("/")
        line = f"Line {int(within[0]) + 1}: " if name == "redirectUris" and within else ""
        found.setdefault(name, []).append(f"{line}{IN_WORDS.get((name, fault.code), fault.detail)}")
    return found


async def _desk(request: Request, account: Account) -> Desk:
    services: Services = request.scope["state"]["services"]
    seat = await seats.at(services.db, account.id, request.path_params["organization"])
    if seat is None:
        raise Nothing
    return Desk(request, account, seat)
