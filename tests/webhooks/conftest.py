"""The service on each database, with a worker, and a receiver on this machine."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from engage_api.settings import Settings
from tests.api.harness import Client, Service, make_settings, serving
from tests.webhooks.receiver import Receiver, receiving


@pytest.fixture(params=["sqlite", "postgresql"])
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    """One database for a module: its tests have a workspace each."""
    url = "module_sqlite_url" if request.param == "sqlite" else "module_postgres_url"
    return make_settings(request.getfixturevalue(url), tmp_path, outbound_loopback=True)


@pytest.fixture
async def service(settings: Settings) -> AsyncIterator[Service]:
    async with serving(settings) as running:
        yield running


@pytest.fixture
async def api(service: Service) -> Client:
    """The operator in the live workspace, with all scopes and no limit to speak of."""
    return await service.caller()


@pytest.fixture
async def other(service: Service) -> Client:
    """A developer in a sandbox of their own, with all scopes."""
    return await service.caller(who=service.world.developer)


@pytest.fixture
async def partner(service: Service) -> Client:
    """A partner's application in the live workspace, with all scopes."""
    return await service.caller(who=service.world.partner)


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as made:
        yield made
