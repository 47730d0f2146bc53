"""A data folder for the `engage` command that has its database."""

import shutil
from pathlib import Path

import pytest


@pytest.fixture
def migrated(sqlite_template: Path, tmp_path: Path) -> Path:
    """A folder as `engage migrate` leaves it, which takes two seconds."""
    folder = tmp_path / "migrated"
    folder.mkdir()
    shutil.copy(sqlite_template, folder / "engage.db")
    return folder
