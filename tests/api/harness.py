"""Callers of a running service: each holds a key, and says in one line what it does and expects."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any, TypeVar

import httpx
from starlette.types import ASGIApp

from engage_api.access.applications.models import OPERATOR as OPERATOR_APPLICATION
from engage_api.app import create_app
from engage_api.settings import Settings
from tests import running
from tests.running import BASE_URL, SECRET, Application

T = TypeVar("T")
STANDARD = {"type", "title", "status", "detail", "instance", "code"}
_worlds = count(1)


class Client(httpx.AsyncClient):
    """Calls version 1 with a key; `key` is None for somebody who has none."""

    def __init__(self, app: ASGIApp, key: str | None, address: str = "127.0.0.1") -> None:
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        transport = httpx.ASGITransport(app, client=(address, 5000))
        super().__init__(transport=transport, base_url=f"{BASE_URL}/v1", headers=headers)
        self.key = key or ""

    async def made(self, path: str, body: object) -> dict[str, Any]:
        """Make something, and be sure that it was made."""
        return answered(await self.post(path, json=body), 201)

    async def read(self, path: str, **params: Any) -> dict[str, Any]:
        """Read something that is there."""
        return answered(await self.get(path, params=params), 200)

    async def ids(self, path: str, **params: Any) -> list[str]:
        """The ids on one page of a list."""
        return [item["id"] for item in (await self.read(path, **params))["items"]]

    async def moved(self, path: str, to: str, **words: Any) -> dict[str, Any]:
        """Bring something into another state, and be sure that it went."""
        return answered(await self.post(f"{path}/transitions", json={"to": to, **words}), 200)

    async def change(self, path: str, patch: object, tag: str | None = None) -> httpx.Response:
        """Patch something on the version that `tag` names, or on the present one."""
        tag = tag or (await self.get(path)).headers["ETag"]
        return await self.patch(path, json=patch, headers={"If-Match": tag})

    async def events(self, number: int, **params: Any) -> list[dict[str, Any]]:
        """The log, once it holds so many events: on PostgreSQL they are numbered some milliseconds after the commit."""

        async def look() -> list[dict[str, Any]] | None:
            found: list[dict[str, Any]] = (await self.read("/events", limit=200, **params))["items"]
            return found if len(found) >= number else None

        return await eventually(look)


@dataclass(frozen=True)
class World:
    """Who there is before a test begins: the operator and a partner in one live workspace, a developer in a sandbox."""

    operator: Application
    partner: Application
    developer: Application


class Service(running.Service):
    """The application, running. Its callers are in the `world`, which a second one on the same database shares."""

    def __init__(self, app: ASGIApp, settings: Settings, closing: AsyncExitStack) -> None:
        super().__init__(app, settings)
        self.world: World
        self._closing = closing

    async def client(self, key: str | None = None, *, address: str = "127.0.0.1") -> Client:
        """Somebody with this key, or with none."""
        return await self._closing.enter_async_context(Client(self.app, key, address))

    async def caller(self, scopes: str = "*", *, who: Application | None = None, plan: str = "unlimited") -> Client:
        """Somebody with a new key: the operator, if nobody else is named."""
        return await self.client(await self.key(scopes, who=who or self.world.operator, plan=plan))


@asynccontextmanager
async def serving(settings: Settings, world: World | None = None, *, processes: int = 1) -> AsyncIterator[Service]:
    """The application from its start to its end, in a new world or in one that is there."""
    app = create_app(settings, processes=processes)
    async with running.lifespan(app), AsyncExitStack() as closing:
        service = Service(app, settings, closing)
        service.world = world or await _make_world(service.db)
        yield service


def make_settings(url: str, folder: Path, **more: Any) -> Settings:
    """Settings that depend on nothing of the machine."""
    given: dict[str, Any] = {"database_url": url, "data_dir": folder, "secret_key": SECRET, "public_url": BASE_URL}
    return Settings(**given | more)


async def _make_world(db: Any) -> World:
    n = next(_worlds)
    live, sandbox = f"live_{n}", f"sbx_{n}"
    world = World(
        *(
            Application(*who)
            for who in ((OPERATOR_APPLICATION, live), (f"app_partner_{n}", live), (f"app_developer_{n}", sandbox))
        )
    )
    async with db.system.write(None) as tx:
        for who, kind, state in ((world.partner, "partner", "live"), (world.developer, "developer", "sandbox-only")):
            await running.add_party(tx, "live", who.id, kind, state)
        for workspace, kind in ((live, "live"), (sandbox, "sandbox")):
            await running.add_workspace(tx, workspace, kind, "org_operator")
    return world


async def parties(service: Service) -> tuple[Client, Client]:
    """The operator and the partner in the workspace `live`, where the rows of all organizations of the tests are."""
    ids = (OPERATOR_APPLICATION, service.world.partner.id)
    operator, partner = [await service.caller(who=Application(one, "live")) for one in ids]
    return operator, partner


async def eventually(look: Callable[[], Awaitable[T | None]], seconds: float = 10) -> T:
    """What `look` answers as soon as it is something."""
    async with asyncio.timeout(seconds):
        while (found := await look()) is None:  # noqa: ASYNC110  # it is another process, or a server, that works
            await asyncio.sleep(0.005)
        return found


async def works(service: Service, key: str, address: str = "127.0.0.1", path: str = "/cases") -> bool:
    """Whether a key opens this door from this address; where it does not, its caller is nobody."""
    answer = await (await service.client(key, address=address)).get(path)
    if answer.status_code != 200:
        refused(answer, 401, "unauthenticated")
    return answer.status_code == 200


def answered(response: httpx.Response, status: int) -> dict[str, Any]:
    """The JSON of an answer that must have this status."""
    assert response.status_code == status, f"{response.status_code}: {response.text}"
    assert response.headers["Content-Type"] == "application/json"
    found: dict[str, Any] = response.json()
    return found


def refused(response: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """The problem that an answer must be, checked for everything that every problem has (RFC 9457)."""
    assert response.status_code == status, f"{response.status_code}: {response.text}"
    assert response.headers["Content-Type"] == "application/problem+json"
    found: dict[str, Any] = json.loads(response.text)
    assert found.keys() >= STANDARD
    assert found["status"] == status
    assert found["code"] == code, found
    assert found["type"] == f"{BASE_URL}/problems/{code}/"
    assert found["title"]
    assert found["detail"]
    assert found["instance"] == f"urn:uuid:{response.headers['X-Request-Id']}"
    return found


def places(problem: dict[str, Any]) -> set[str]:
    """Where a problem says that something is wrong."""
    return {error.get("pointer", error.get("parameter")) for error in problem["errors"]}
