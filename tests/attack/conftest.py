"""What the attacks start from: the same service on both databases, each with the same little world in it."""

from collections.abc import AsyncIterator

import pytest

from tests.attack.world import Both, both


@pytest.fixture
async def twins(sqlite_url: str, postgres_url: str) -> AsyncIterator[Both]:
    async with both(sqlite_url, postgres_url) as pair:
        yield pair
