"""A running service for the tests of the portal, with its demo and its key."""

import asyncio
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from engage_api.access import operator
from engage_api.access.applications import service as applications
from engage_api.access.applications.models import APPLICATION
from engage_api.access.organizations.models import ORGANIZATION
from engage_api.access.sandboxes import making
from engage_api.access.worlds import LIVE, USUAL_PLAN
from engage_api.core import ids
from engage_api.core.scopes import EVERYTHING
from engage_api.core.secret import derive
from engage_api.db import open_database, store
from engage_api.sandbox import demo, filling
from engage_api.settings import Settings
from tests.portal.browser import Tab, browser
from tests.portal.judged import Judged

AXE = Path(__file__).parents[2] / "portal" / "node_modules" / "axe-core" / "axe.min.js"
ENGAGE = Path(sys.prefix) / "bin" / "engage"
PATIENCE = 30.0  # seconds
KEY = re.compile(r"eng_test_key_[0-9A-Za-z]{36}")


@dataclass(frozen=True, slots=True)
class Service:
    """Where it is, the key that it printed, the folder whose `var/` is its data, and its process."""

    base: str
    key: str
    folder: Path
    process: subprocess.Popen[str]


Serve = Callable[..., AbstractContextManager[Service]]


@contextmanager
def serve(folder: Path, **settings: str) -> Iterator[Service]:
    """The service, started as its users start it."""
    port = _free_port()
    own = {name: value for name, value in os.environ.items() if not name.startswith("ENGAGE_")}
    environment = own | {"ENGAGE_DATA_DIR": str(folder / "var"), "ENGAGE_GUEST_SANDBOXES_HOURLY": "100", **settings}
    command = [str(ENGAGE), "serve", "--host", "127.0.0.1", "--port", str(port)]
    with (
        (folder / "log").open("w") as log,
        subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=log, text=True) as process,
    ):
        assert process.stdout is not None
        try:
            said = KEY.search(process.stdout.readline())
            base = f"http://127.0.0.1:{port}"
            _wait(f"{base}/livez", process)
            yield Service(base, said[0] if said else "", folder, process)
        finally:
            process.terminate()
            process.wait(PATIENCE)


@pytest.fixture(scope="session")
def _begun(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Data after a first start: the demo is made once and copied."""
    folder = tmp_path_factory.mktemp("begun")
    with serve(folder):
        pass
    return folder / "var"


@pytest.fixture
def service(_begun: Path, tmp_path: Path) -> Iterator[Service]:
    """A service of the test's own, as it is after its first start."""
    shutil.copytree(_begun, tmp_path / "var")
    with serve(tmp_path) as started:
        yield started


@pytest.fixture(scope="module")
def module_service(_begun: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """One for tests that only look."""
    folder = tmp_path_factory.mktemp("service")
    shutil.copytree(_begun, folder / "var")
    with serve(folder) as started:
        yield started


@pytest.fixture
def newcomer(module_service: Service) -> Service:
    """That one, as it is for a developer who has just come: a demo sandbox and a key of their own."""
    return replace(module_service, key=asyncio.run(arrive(module_service.folder / "var")))


async def arrive(data: Path) -> str:
    """Another demo beside the one of the first start, of another organization. Its key."""
    settings = Settings(data_dir=data)
    db = await open_database(settings.database)
    name = ids.new("app").removeprefix("app_")
    organization, application, sandbox = f"org_{name}", f"app_{name}", f"sbx_{name}"
    party: dict[str, Any] = {"external_id": None, "name": demo.NAME, "metadata": {}}
    scopes = sorted(EVERYTHING)
    rights = {"kind": "developer", "plan": USUAL_PLAN, "state": "approved"}
    program = {"organization_id": organization, "scopes": scopes, **applications.born(application)}
    try:
        maker = await operator.principal(db, LIVE)
        async with db.system.write(None) as tx:
            await store.create(tx, maker, ORGANIZATION, party | rights | {"id": organization})
            await store.create(tx, maker, APPLICATION, party | program | {"id": application})
            new = making.New(organization, demo.NAME, sandbox, size="tiny", state="seeding", seed=demo.SEED)
            made = await making.make(tx, replace(maker, application=application), new)
        await filling.fill(db, made)
        holder = await operator.principal(db, sandbox, application=application)
        pepper = derive(settings.secret(), "api-keys")
        _, key = await operator.make_key(db, holder, pepper, name=demo.NAME, wanted=scopes)
    finally:
        await db.close()
    return key.reveal()


@pytest.fixture(scope="session")
def tab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tab]:
    """One browser for each worker. Tests that want one are in few groups, which run in one worker each."""
    with browser(tmp_path_factory.mktemp("profile")) as opened:
        opened.look(1280, 900)
        yield opened


@pytest.fixture
def axe() -> str:
    if not AXE.is_file():
        pytest.skip("needs Node's axe-core: `make docs` installs it in portal/node_modules")
    return AXE.read_text(encoding="utf-8")


@pytest.fixture
def judged(tab: Tab, axe: str, module_service: Service, tmp_path: Path) -> Judged:
    """Somebody whom the service does not know yet."""
    tab.send("Network.clearBrowserCookies")
    return Judged(tab, axe, module_service.base, tmp_path)


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port


def _wait(url: str, process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + PATIENCE
    while True:
        assert process.poll() is None, "the service ended at its start"
        try:
            httpx.get(url, timeout=2, trust_env=False).raise_for_status()
            return
        except httpx.TransportError:
            assert time.monotonic() < deadline, "the service did not start"
            time.sleep(0.05)
