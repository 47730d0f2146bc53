"""The service beside a provider of this machine, on each database."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests import running
from tests.accounts.browsing import Town
from tests.accounts.conftest import cheap
from tests.identity import provider as elsewhere
from tests.identity.provider import Provider


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest) -> str:
    """One database for a module: everybody in it is somebody else."""
    found: str = request.getfixturevalue("module_sqlite_url" if request.param == "sqlite" else "module_postgres_url")
    return found


@pytest.fixture
async def provider() -> AsyncIterator[Provider]:
    async with elsewhere.providing() as started:
        yield started


@pytest.fixture
async def town(url: str, tmp_path: Path, provider: Provider) -> AsyncIterator[Town]:
    settings = {
        "oidc_issuer": provider.issuer,
        "oidc_client_id": elsewhere.CLIENT,
        "oidc_client_secret": elsewhere.SECRET,
        "oidc_name": "Harbour ID",
        "outbound_loopback": True,
    }
    async with running.service(url, data_dir=tmp_path, **settings) as service:
        made = Town(service)
        made.accounts.passwords._make = cheap
        yield made
