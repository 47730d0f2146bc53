"""The service on each database, with people who cost little: their passwords are hashed with the least of argon2."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

from tests import running
from tests.accounts.browsing import Town


class Counting(PasswordHash):
    """Knows how many hashes it has computed."""

    computed = 0

    def hash(self, *given: Any, **more: Any) -> str:
        self.computed += 1
        return super().hash(*given, **more)

    def verify_and_update(self, *given: Any, **more: Any) -> tuple[bool, str | None]:
        self.computed += 1
        return super().verify_and_update(*given, **more)


def cheap() -> PasswordHash:
    return Counting((Argon2Hasher(time_cost=1, memory_cost=8, parallelism=1),))


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
