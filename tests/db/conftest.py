"""The fixtures of `tests/conftest.py`, over the small schema instead of the migrated one."""

from pathlib import Path

import pytest

from tests import servers
from tests.db import schema


@pytest.fixture(scope="session")
def postgres_template(postgres_server: servers.Postgres) -> str:
    return postgres_server.template("small", schema.build)


@pytest.fixture(scope="session")
def sqlite_template() -> Path:
    return servers.sqlite_template("small", schema.build)


@pytest.fixture
def row() -> dict[str, object]:
    """Values of an item; give it an id."""
    return dict.fromkeys(schema.COLUMNS) | {"workspace_id": "w"}


@pytest.fixture
def path(sqlite_url: str) -> str:
    """Of SQLite's file."""
    return sqlite_url.removeprefix("sqlite:///")
