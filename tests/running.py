"""The service as a test runs it: in this process, reached over ASGI with whatever bytes a test likes."""

import asyncio
import io
import json
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple
from urllib.parse import unquote

from sqlalchemy import insert

from engage_api.access import operator
from engage_api.access.applications import service as applications
from engage_api.access.applications.models import APPLICATION
from engage_api.access.applications.models import OPERATOR as OPERATOR_APPLICATION
from engage_api.access.organizations.models import OPERATOR, ORGANIZATION
from engage_api.access.worlds import WorkspaceRow
from engage_api.app import create_app
from engage_api.core import clock
from engage_api.core.principal import Principal
from engage_api.core.scopes import EVERYTHING
from engage_api.db import Database, Query, store
from engage_api.db.engine import Transaction
from engage_api.http.call import Services
from engage_api.http.middleware import Envelope
from engage_api.settings import Settings
from tests import leaks

SECRET = "0123456789abcdef" * 4
BASE_URL = "http://engage.test"
Headers = Iterable[tuple[str | bytes, str | bytes]]

_ADD_WORKSPACE = Query(insert(WorkspaceRow.__table__))  # type: ignore[attr-defined]


@dataclass(frozen=True)
class Answer:
    """What came back, to the byte."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes

    @cached_property
    def json(self) -> Any:
        return json.loads(self.body)

    def header(self, name: str) -> str | None:
        return next((value for known, value in self.headers if known == name.lower()), None)

    @property
    def code(self) -> str | None:
        """Of a problem."""
        return str(self.json["code"]) if self.header("content-type") == "application/problem+json" else None


class Application(NamedTuple):
    """Who calls: a program of an organization, in a workspace."""

    id: str
    workspace: str


class Service:
    """A running service. `ask` sends a request, `key` makes an API key."""

    def __init__(self, app: Any, settings: Settings) -> None:
        self.app = app
        self.settings = settings
        self.log = io.StringIO()
        """What would be written to the request log; a failed test need not show it all."""
        self._envelope._log._stream = self.log
        self._made = 0

    @property
    def _envelope(self) -> Any:
        """What stands around every request; something may stand around it."""
        app = self.app
        while not isinstance(app, Envelope):
            app = app.app
        return app

    @property
    def services(self) -> Services:
        services: Services = self._envelope._shared.services
        return services

    @property
    def db(self) -> Database:
        return self.services.db

    async def ask(
        self, method: str, path: str, body: Any = None, *, key: str | None = None, headers: Headers = ()
    ) -> Answer:
        """Send one request. `path` as it stands in the request line; `body` as bytes, or anything to send as JSON."""
        given = [(_bytes(name).lower(), _bytes(value)) for name, value in headers]
        names = {name for name, _ in given}
        if key is not None:
            given.append((b"authorization", b"Bearer " + key.encode()))
        if body is not None and b"content-type" not in names:
            given.append((b"content-type", b"application/json"))
        raw = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        if b"content-length" not in names and (raw or method in {"POST", "PUT", "PATCH"}):
            given.append((b"content-length", str(len(raw)).encode()))
        if b"host" not in names:
            given.append((b"host", b"engage.test"))
        return await ask(self.app, method, path, given, raw)

    async def key(self, scopes: str = "*", *, who: Application | None = None, plan: str = "unlimited") -> str:
        """A new key with these scopes; without `who` the operator's, in the live workspace."""
        application = who or Application(OPERATOR_APPLICATION, "live")
        principal = await operator.principal(self.db, application.workspace, plan=plan, application=application.id)
        wanted = operator.scopes(scopes)
        _, made = await operator.make_key(self.db, principal, self.services.pepper, name="test", wanted=wanted)
        return made.reveal()

    async def application(self, kind: str = "partner", *, workspace: str = "live", state: str = "live") -> Application:
        """A new application of a new organization of this kind; without `workspace` it gets a sandbox of its own."""
        self._made += 1
        name = f"{kind.replace('-', '_')}_{self._made}"
        workspace, own = workspace or f"sbx_{name}", not workspace
        async with self.db.system.write(None) as tx:
            organization = await add_party(tx, "live", f"app_{name}", kind, state)
            if own:
                await add_workspace(tx, workspace, "sandbox", organization)
        return Application(f"app_{name}", workspace)

    async def sandbox(self) -> Application:
        """A developer's application with a sandbox of its own."""
        return await self.application("developer", workspace="", state="sandbox-only")


async def add_party(tx: Transaction, live: str, application: str, kind: str, state: str) -> str:
    """An approved organization with one application. The organization's id."""
    organization, scopes = f"org_{application}", sorted(EVERYTHING)
    party = {"id": organization, "kind": kind, "plan": "unlimited", "state": "approved"}
    program = {
        **applications.born(application),
        "id": application,
        "organization_id": organization,
        "scopes": scopes,
        "granted_scopes": scopes if state == "live" else [],
        "state": state,
    }
    maker = Principal("test", OPERATOR_APPLICATION, OPERATOR, live, True, EVERYTHING, operator.NO_LIMIT, True)
    common: dict[str, Any] = {"external_id": None, "name": "Test", "metadata": {}}
    await store.create(tx, maker, ORGANIZATION, party | common)
    await store.create(tx, maker, APPLICATION, program | common)
    return organization


async def add_workspace(tx: Transaction, workspace: str, kind: str, organization: str) -> None:
    """A closed world of data."""
    values = {"kind": kind, "name": "Test", "organization_id": organization, "created_at": clock.host()}
    await tx.run(_ADD_WORKSPACE, id=workspace, expires_at=None, **values)


@asynccontextmanager
async def service(url: str, **settings: Any) -> AsyncIterator[Service]:
    """The service on a migrated database, until the block is left."""
    given = {"secret_key": SECRET, "public_url": BASE_URL, "outer_limit": 1_000_000_000, "log_level": "error"}
    made = Settings(database_url=url, **given | settings)  # type: ignore[arg-type]
    app = create_app(made)
    async with lifespan(app):
        started = Service(app, made)
        yield started
    leaks.require_none(started.log.getvalue().encode(), "the request log")


@asynccontextmanager
async def lifespan(app: Any) -> AsyncIterator[None]:
    """An ASGI application between its start and its end."""
    inbox: asyncio.Queue[dict[str, str]] = asyncio.Queue()
    outbox: asyncio.Queue[dict[str, str]] = asyncio.Queue()
    running = asyncio.create_task(app({"type": "lifespan", "asgi": {"version": "3.0"}}, inbox.get, outbox.put))

    async def say(word: str) -> None:
        await inbox.put({"type": f"lifespan.{word}"})
        said = asyncio.create_task(outbox.get())
        await asyncio.wait({running, said}, return_when=asyncio.FIRST_COMPLETED)
        if not said.done():
            said.cancel()
            await running
        assert said.result()["type"] == f"lifespan.{word}.complete", said.result()

    await say("startup")
    try:
        yield
    finally:
        await say("shutdown")
        await running


async def ask(app: Any, method: str, path: str, headers: list[tuple[bytes, bytes]], body: bytes) -> Answer:
    """One request to an ASGI application, as a server would hand it over."""
    raw_path, _, query = path.partition("?")
    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "server": ("127.0.0.1", 80),
        "client": ("127.0.0.1", 50_000),
        "scheme": "http",
        "method": method,
        "root_path": "",
        "path": unquote(raw_path),
        "raw_path": _bytes(raw_path),
        "query_string": _bytes(query),
        "headers": headers,
    }
    inbox = [{"type": "http.request", "body": body, "more_body": False}]
    started: dict[str, Any] = {}
    parts: list[bytes] = []

    async def receive() -> dict[str, Any]:
        return inbox.pop() if inbox else {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            assert not started, "two beginnings of an answer"
            started.update(message)
        else:
            parts.append(message.get("body", b""))

    await app(scope, receive, send)
    answered = [(str(name, "latin-1").lower(), str(value, "latin-1")) for name, value in started["headers"]]
    return Answer(started["status"], answered, b"".join(parts))


def _bytes(text: str | bytes) -> bytes:
    return text if isinstance(text, bytes) else text.encode()
