"""The same script in the same world leaves the same log: on any data folder, in any process, on either database."""

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from engage_api.core import ids
from engage_api.settings import Settings
from tests.api.harness import Service, make_settings
from tests.counts import Count
from tests.sandbox.clockwork import sandbox
from tests.servers import free_port

ROOT = Path(__file__).parents[2]
SOAK = "ENGAGE_TEST_MINUTES" in os.environ


@pytest.fixture
def settings(sqlite_url: str, tmp_path: Path) -> Settings:
    return make_settings(sqlite_url, tmp_path)


async def run(url: str, folder: Path, port: int) -> dict[str, Any]:
    """The script in a process of its own: what it says in the end."""
    folder.mkdir()  # noqa: ASYNC240  # one folder
    command = [sys.executable, "-m", "tests.sandbox.script", url, str(folder), str(port)]
    script = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdout=asyncio.subprocess.PIPE)
    async with asyncio.timeout(120):
        said, _ = await script.communicate()
    assert script.returncode == 0
    found: dict[str, Any] = json.loads(said)
    return found


async def test_a_script_of_a_hundred_calls_is_repeated_exactly(tmp_path: Path, postgres_url: str, count: Count) -> None:
    port = free_port()
    places = [(f"sqlite:///{tmp_path}/{name}/engage.db", name) for name in ("first", "second")]
    places += [(postgres_url, "third")]
    told = [await run(url, tmp_path / name, port) for url, name in places]
    assert told[0] == told[1]
    assert told[0] == told[2]
    assert told[0]["calls"] >= 100
    states = [type_.split(".")[2] for type_ in told[0]["endpoints"]]
    assert states == ["created"] * 2 + ["failing"] * 2 + ["enabled"] * 2 + ["disabled"] * 2, "in mid-script"
    count("scripts repeated", calls=told[0]["calls"] * 3, events=told[0]["events"] * 3, posts=told[0]["sent"] * 3)


async def test_chance_turns_it_red(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    async def tell(seed: str = "one") -> str:
        box = await sandbox(service, seed=seed)
        for number in range(3):
            await box.client.made("/offers", {"title": f"Offer {number}"})
        hashed: str = (await box.hash())["hash"]
        return hashed

    assert await tell() == await tell()
    assert await tell() != await tell("two")
    monkeypatch.setattr("engage_api.core.ids.seeded", lambda prefix, *_: ids.new(prefix))
    assert await tell() != await tell()
