"""The service on each database, with people who cost little: their passwords are hashed with the least of argon2."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

from tests import running
from tests.accounts.browsing import Town


def cheap() -> PasswordHash:
    return PasswordHash((Argon2Hasher(time_cost=1, memory_cost=8, parallelism=1),))


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest) -> str:
    """One database for a module: everybody in it is somebody else."""
    found: str = request.getfixturevalue("module_sqlite_url" if request.param == "sqlite" else "module_postgres_url")
    return found


@pytest.fixture
async def town(url: str, tmp_path: Path) -> AsyncIterator[Town]:
    async with running.service(url, data_dir=tmp_path) as service:
        made = Town(service)
        made.accounts.passwords._make = cheap
        yield made
