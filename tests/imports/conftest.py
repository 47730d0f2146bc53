"""The live workspace of each database, for files."""

from pathlib import Path

import pytest

from engage_api.access import operator
from engage_api.db import Database
from tests.imports.harness import World


@pytest.fixture
async def world(database: Database, tmp_path: Path) -> World:
    return World(database, await operator.principal(database, "live"), tmp_path)
