"""The service on each database, and sandboxes of known seeds whose clocks stand still."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from engage_api.core import clock
from engage_api.core.clock import FROZEN, Clock
from tests.faults.conftest import sandbox
from tests.running import Application, Service, service

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


@pytest.fixture
async def running(database_url: str, tmp_path: Path) -> AsyncIterator[Service]:
    async with service(database_url, data_dir=tmp_path, worker=False) as started:
        yield started


async def frozen(running: Service) -> Application:
    """A developer's application with an empty sandbox of a known seed."""
    return await sandbox(running, Clock(START, clock.host(), FROZEN))
