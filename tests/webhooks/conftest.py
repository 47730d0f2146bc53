"""The service on each database, with a worker, and a receiver on this machine."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from engage_api.settings import Settings
from tests.api.conftest import api, other, partner, service
from tests.api.harness import make_settings
from tests.webhooks.receiver import Receiver, receiving

__all__ = ["api", "other", "partner", "service"]


@pytest.fixture(params=["sqlite", "postgresql"])
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    """One database for a module: its tests have a workspace each."""
    url = "module_sqlite_url" if request.param == "sqlite" else "module_postgres_url"
    return make_settings(request.getfixturevalue(url), tmp_path, outbound_loopback=True)


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as made:
        yield made
