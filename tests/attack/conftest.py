"""What the attacks start from: the same service on both databases, each with the same little world in it."""

from collections.abc import AsyncIterator
from datetime import datetime

import pytest

from engage_api.events.webhooks import schedule
from engage_api.jobs.timekeeper import Timekeeper
from tests.attack.world import Both, both


@pytest.fixture(autouse=True)
def quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody answers the webhooks of the world, so its endpoint would begin to fail at any moment, and what is due in
    the past would be overdue: also between two looks that are compared. When that happens is tried in
    tests/webhooks/test_failures.py and tests/moments.
    """

    async def nothing(_: Timekeeper) -> dict[str, datetime]:
        return {}

    monkeypatch.setattr(schedule, "FAILS_AFTER", 1_000_000)
    monkeypatch.setattr(Timekeeper, "due", nothing)


@pytest.fixture
async def twins(sqlite_url: str, postgres_url: str) -> AsyncIterator[Both]:
    async with both(sqlite_url, postgres_url) as pair:
        yield pair
