"""The service on each database. Every test has its own."""

from pathlib import Path

import pytest

from engage_api.settings import Settings
from tests.api.conftest import service
from tests.api.harness import make_settings

__all__ = ["service"]


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> Settings:
    """Without a worker: what it does meanwhile would be taken for what is looked for."""
    return make_settings(database_url, tmp_path, worker=False)
