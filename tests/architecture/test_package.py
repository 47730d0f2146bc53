"""What is shipped: a wheel that carries its migrations and its portal, and locks that agree with each other."""

import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

from tests.architecture.source import ROOT

LOCKS = ["requirements.lock", "requirements-build.lock", "requirements-dev.lock"]


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A tree that is complete but small."""
    for name in ("pyproject.toml", "LICENSE", "README.md"):
        shutil.copy(ROOT / name, tmp_path)
    for name, text in {
        "src/engage_api/__init__.py": "",
        "src/engage_api/access/templates/a.html": "",
        "src/engage_api/access/a.css": "",
        "migrations/env.py": "",
        "portal/site/index.html": "<!doctype html>",
        "portal/site/css/a.css": "",
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    shutil.copy(ROOT / "portal" / "wheel.py", tmp_path / "portal")
    # The archive leaves out what version control ignores, and the site is ignored.
    shutil.copy(ROOT / ".gitignore", tmp_path)
    return tmp_path


def build(tree: Path, target: str = "wheel") -> tuple[list[str], str]:
    """Names in the built archive, and what was said."""
    command = [sys.executable, "-m", "hatchling", "build", "--target", target, "--directory", "out"]
    done = subprocess.run(command, cwd=tree, capture_output=True, text=True, check=True)
    (made,) = (tree / "out").iterdir()
    if target == "sdist":
        shutil.unpack_archive(made, tree / "unpacked", filter="data")
        return [p.relative_to(tree / "unpacked").as_posix() for p in (tree / "unpacked").rglob("*")], done.stderr
    with zipfile.ZipFile(made) as archive:
        return archive.namelist(), done.stdout + done.stderr


def test_a_wheel_carries_the_migrations_and_the_portal(tree: Path) -> None:
    names, said = build(tree)
    carried = {"engage_api/_migrations/env.py", "engage_api/_portal/index.html", "engage_api/_portal/css/a.css"}
    carried |= {"engage_api/access/templates/a.html", "engage_api/access/a.css"}  # what its pages are made of
    assert carried <= set(names)
    assert "is missing" not in said


def test_a_wheel_without_a_portal_says_so(tree: Path) -> None:
    shutil.rmtree(tree / "portal" / "site")
    names, said = build(tree)
    assert not [name for name in names if "_portal" in name]
    assert "portal/site/ is missing" in said


def test_the_source_archive_has_what_the_wheel_needs(tree: Path) -> None:
    names, _ = build(tree, "sdist")
    below = {name.partition("/")[2] for name in names}
    assert {"portal/site/index.html", "portal/wheel.py", "migrations/env.py", "src/engage_api/__init__.py"} <= below


def pins(lock: str) -> set[str]:
    """`name==version` of each package; its marker differs with who else asks for it."""
    return set(re.findall(r"^(\S+==\S+)", (ROOT / lock).read_text(encoding="utf-8"), re.MULTILINE))


def bare(requirement: str) -> str:
    """`uvicorn[standard]>=0.54` → `uvicorn`."""
    return re.split(r"[\[<>=!~; ]", requirement)[0].lower().replace("_", "-")


def test_the_locks_agree() -> None:
    runtime, building, development = (pins(lock) for lock in LOCKS)
    assert runtime
    assert runtime - building == set()
    assert building - development == set()


def test_every_dependency_is_in_its_lock() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    runtime = project["project"]["dependencies"] + project["project"]["optional-dependencies"]["otel"]
    development = [entry for entry in project["dependency-groups"]["dev"] if isinstance(entry, str)]
    for lock, wanted in (("requirements.lock", runtime), ("requirements-dev.lock", development)):
        assert {bare(w) for w in wanted} - {bare(p) for p in pins(lock)} == set(), lock
