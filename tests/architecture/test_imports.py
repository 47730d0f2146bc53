"""The import contract holds, and lint-imports says so when it does not."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.source import PACKAGE, ROOT

LINT = Path(sys.executable).with_name("lint-imports")


def lint(tree: Path) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONPATH": str(tree / "src")}
    command = [str(LINT), "--no-cache", "--config", str(tree / "pyproject.toml")]
    return subprocess.run(command, cwd=tree, env=environment, capture_output=True, text=True, check=False)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    shutil.copytree(PACKAGE, tmp_path / "src" / "engage_api", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def test_arrows_point_down() -> None:
    done = lint(ROOT)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("file", "code"),
    [
        ("core/planted.py", "from engage_api.db import errors"),
        ("customers/planted.py", "def late() -> None:\n    import engage_api.cases"),
        ("db/planted.py", "from engage_api import app"),
        ("planted/__init__.py", ""),
    ],
    ids=["up one floor", "inside a function", "up to the top", "a room without a place"],
)
def test_a_planted_violation_is_found(tree: Path, file: str, code: str) -> None:
    planted = tree / "src" / "engage_api" / file
    planted.parent.mkdir(exist_ok=True)
    planted.write_text(code, encoding="utf-8")
    done = lint(tree)
    assert done.returncode == 1, done.stdout
    assert "planted" in done.stdout
