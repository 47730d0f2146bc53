"""The fixtures of `tests/conftest.py`, over the engine's own tables instead of the migrated schema."""

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from engage_api.core import clock
from tests import servers
from tests.jobs import schema


@pytest.fixture(scope="session")
def postgres_template(postgres_server: servers.Postgres) -> str:
    return postgres_server.template("jobs", schema.build)


@pytest.fixture(scope="session")
def sqlite_template() -> Path:
    return servers.sqlite_template("jobs", schema.build)


class Now:
    """The host's time, which stands still until it is moved."""

    def __init__(self) -> None:
        self.time: datetime = clock.host()

    def move(self, **by: float) -> None:
        self.time += timedelta(**by)


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> Now:
    now = Now()
    monkeypatch.setattr(clock, "host", lambda: now.time)
    return now
