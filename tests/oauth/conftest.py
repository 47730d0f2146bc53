"""The service on each database, and a party of each kind."""

from collections.abc import AsyncIterator

import pytest

from tests.oauth import parties
from tests.oauth.parties import Party
from tests.running import Service
from tests.running import service as running


@pytest.fixture(params=["sqlite", "postgresql"])
async def service(request: pytest.FixtureRequest) -> AsyncIterator[Service]:
    """One database for all tests of a module; no worker, whose sweep would take what a test counts."""
    url = "module_sqlite_url" if request.param == "sqlite" else "module_postgres_url"
    async with running(request.getfixturevalue(url), worker=False) as started:
        yield started


@pytest.fixture
async def ours(service: Service) -> Party:
    return await parties.join(service)


@pytest.fixture
async def theirs(service: Service) -> Party:
    """Of another organization."""
    return await parties.join(service, "Another", "developer")
