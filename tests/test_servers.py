"""The suite's own servers: what they give, and that nothing outlives a run."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
import redis
from sqlalchemy import text

from engage_api.db import Database, Query
from tests import servers

ROOT = Path(__file__).parents[1]

STARTS = """
def test_start(postgres_server, valkey_url):
    assert postgres_server.url("x")
"""
LEAVES = """
import subprocess

def test_leave():
    subprocess.Popen(["sleep", "100"], start_new_session=True)
"""


async def test_the_databases_are_migrated(database: Database) -> None:
    operators = Query(text("SELECT count(*) FROM event"))
    assert [tuple(row) for row in await database.system.raw(operators, None)] == [(2,)], "the operator is there"


def test_valkey_is_empty(valkey_url: str) -> None:
    for _ in range(2):
        with redis.Redis.from_url(valkey_url) as client:
            assert client.ping()


def test_one_works_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(servers.RUN, str(tmp_path))
    made = []

    def build(url: str) -> None:
        made.append(url)
        Path(url.removeprefix("sqlite:///")).touch()

    assert servers.sqlite_template("once", build) == servers.sqlite_template("once", build)
    assert len(made) == 1


def test_a_run_ends_what_killed_runs_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setenv(servers.RUN, "restored afterwards")
    dead = subprocess.Popen(["true"])
    dead.wait()
    for name in (dead.pid, os.getpid(), "other"):
        (tmp_path / f"{servers.PREFIX}{name}_abc" / "postgres").mkdir(parents=True)
    (tmp_path / f"{servers.PREFIX}{dead.pid}_abc" / "postgres" / "postmaster.pid").write_text(f"{dead.pid}\n")
    servers.begin()
    assert not (tmp_path / f"{servers.PREFIX}{dead.pid}_abc").exists()
    assert len(list(tmp_path.iterdir())) == 3
    assert servers.folder().parent == tmp_path


@pytest.mark.parametrize(("code", "left"), [(STARTS, False), (LEAVES, True)], ids=["starts", "leaves"])
def test_what_a_test_leaves_running_fails_the_run(tmp_path: Path, code: str, left: bool) -> None:
    """The planted fault: a process that nobody ends. Servers of the run's own are stopped without a word."""
    (tmp_path / "test_it.py").write_text(code)
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "tests.conftest", "-p", "no:cacheprovider", str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ("left running by the tests" in run.stdout, run.returncode, "1 passed" in run.stdout) == (left, left, True)
