"""`engage jobs`: what somebody at the terminal of the service sees and does, and how it ends."""

import asyncio
import json
import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from engage_api import beside
from engage_api.access.jobs.models import KINDS
from engage_api.cli import app
from engage_api.core import clock
from engage_api.db import Database, open_database
from engage_api.jobs import enqueue
from tests.jobs.dead import dead_job
from tests.running import SECRET

Run = Callable[..., Result]


@pytest.fixture
def run(database_url: str, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("ENGAGE_DATABASE_URL", database_url)
    monkeypatch.setenv("ENGAGE_SECRET_KEY", SECRET)
    return lambda *words: CliRunner().invoke(app, ["jobs", *words])


def prepared(url: str) -> tuple[list[str], str]:
    """Two that died, the second with its work queued again by a third."""

    async def fill() -> tuple[list[str], str]:
        db = await open_database(url)
        try:
            dead = [await dead_job(db), await dead_job(db, unique_key="k")]
            return dead, await _queued(db)
        finally:
            await db.close()

    return asyncio.run(fill())


async def _queued(db: Database) -> str:
    async with db.system.write(None) as tx:
        made = await enqueue(tx, "test.dead", {}, unique_key="k", run_at=clock.host())
    assert made is not None
    return made


def items(done: Result) -> list[dict[str, Any]]:
    assert done.exit_code == 0, done.output
    found: list[dict[str, Any]] = json.loads(done.stdout)["items"]
    return found


def test_jobs_are_listed_shown_and_run_again(run: Run, database_url: str) -> None:
    (first, second), third = prepared(database_url)
    assert [one["id"] for one in items(run("list", "--json"))] == [third, second, first]
    assert [one["id"] for one in items(run("list", "--state", "dead", "--limit", "1", "--json"))] == [second]
    assert items(run("list", "--kind", "webhook.deliver", "--json")) == []
    listed = run("list", "--state", "dead").stdout.splitlines()
    assert listed[1].startswith(f"{first}  dead  test.dead  ")
    assert listed[1].endswith("  attempts 1  a reason")
    shown = run("show", first)
    assert (shown.exit_code, "lastError     a reason" in shown.stdout) == (0, True)
    assert json.loads(run("show", first, "--json").stdout)["state"] == "dead"

    assert run("replay", first).stdout == f"{first} is queued again.\n"
    assert json.loads(run("show", first, "--json").stdout)["attempts"] == 0
    assert json.loads(run("retry-all", "--kind", "test.dead", "--json").stdout) == {"queued": 0, "left": 1}
    assert run("retry-all").stdout == "0 queued again, 1 left: the same work is queued already.\n"
    for words, told in (
        (("show", "job_none"), "no job 'job_none'"),
        (("replay", "job_none"), "no job 'job_none'"),
        (("replay", first), "Only a dead job can run again."),
        (("replay", second), "The same work is queued already"),
    ):
        ended = run(*words)
        assert (ended.exit_code, ended.stdout) == (1, "")
        assert told in ended.stderr, ended.stderr
    for wrong in (
        ("list", "--limit", "0"),
        ("list", "--state", "foo"),
        ("list", "--kind", "nope"),
        ("retry-all", "--kind", "nope"),
    ):
        ended = run(*wrong)
        assert (ended.exit_code, ended.stdout) == (2, ""), wrong


def test_the_kinds_of_jobs_and_their_attempts_are_told_as_they_are() -> None:
    nobody: Any = SimpleNamespace(post=None, base_url="", pepper=b"", box=None)
    kinds = beside.kinds(nobody, nobody, timedelta(days=7)).kinds
    assert tuple(sorted(kinds)) == KINDS
    page = (Path(__file__).parents[2] / "docs" / "en" / "jobs.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (`[a-z].*?`) \| .* \| ([0-9,]+) \|$", page, re.MULTILINE)
    told = {kind: int(tries.replace(",", "")) for names, tries in rows for kind in re.findall("`(.*?)`", names)}
    assert told == {name: kind.limits.max_attempts for name, kind in kinds.items()}
