"""An import that is ended in the middle, from outside: the next one goes on where it stopped."""

import asyncio
import csv
import json
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections import Counter
from itertools import islice
from pathlib import Path

import pytest
from sqlalchemy import bindparam, func, select

from engage_api.cases.tasks.models import TASK
from engage_api.db import Query
from tests.counts import Count
from tests.imports.harness import TICKETS, World, receipt, sheet

LINES = 3000  # of the real file, each a task; all of it: test_receipt.py
KILLS = (100, 1500)  # tasks that are there when the import is killed
_task = TASK.table
_HOW_MANY = Query(select(func.count().label("found")).where(_task.c.workspace_id == bindparam("workspace")))


@pytest.fixture
def told(database_url: str, tmp_path: Path) -> dict[str, str]:
    """The environment of the command."""
    return {**os.environ, "ENGAGE_DATABASE_URL": database_url, "ENGAGE_DATA_DIR": str(tmp_path)}


async def start(told: dict[str, str], path: Path, mapping: str = "wabo-receipt") -> Process:
    arguments = ("-m", "engage_api", "import", "cases", str(path), "--mapping", mapping, "--json")
    return await asyncio.create_subprocess_exec(
        sys.executable, *arguments, env=told, stdout=PIPE, stderr=PIPE, preexec_fn=hears_ctrl_c
    )


def hears_ctrl_c() -> None:
    """Whoever is started by a shell in the background ignores it, and so do all that they start."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.mark.slow
async def test_killed_over_and_over_and_then_run_to_its_end(told: dict[str, str], world: World, count: Count) -> None:
    """Each run goes on where the killed one stopped: nothing is missing at the end, and nothing is there twice."""
    path, before = beginning(world.folder / "beginning.csv"), 0
    for wanted in KILLS:
        importing = await start(told, path)
        while importing.returncode is None and await how_many(world) < wanted:  # noqa: ASYNC110  # of another process
            await asyncio.sleep(0.02)
        assert importing.returncode is None, "killed too late"
        importing.send_signal(signal.SIGKILL)
        assert await importing.wait() == -signal.SIGKILL
        now = await how_many(world)
        assert max(wanted, before + 1) <= now < LINES
        before = now
    importing = await start(told, path)
    out, _ = await importing.communicate()
    figures = json.loads(out)
    assert (importing.returncode, figures["refused"]) == (0, 0)
    assert figures["tasks"]["created"] + figures["tasks"]["unchanged"] == LINES
    assert figures["tasks"]["unchanged"] >= before
    cases, tasks, told_events = await world.cases(), await world.tasks(), await world.told()
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    delivered = {row["case:concept:name"] for row in rows if row["case:enddate"]}
    assert cases.keys() == {row["case:concept:name"] for row in rows}
    assert tasks.keys() == {row["concept:instance"] for row in rows}
    assert figures["casesByChannel"] == Counter(case.channel for case in cases.values())
    assert Counter(told_events) == {
        "case.created": len(cases),
        "task.created": LINES,
        "case.delivered": len(delivered),
    }
    count("imports killed", kills=len(KILLS), tasks=LINES)


def beginning(path: Path) -> Path:
    """The first lines of the real file, in a file of their own."""
    with receipt().open(encoding="utf-8", newline="") as whole:
        path.write_text("".join(islice(whole, LINES + 1)), encoding="utf-8", newline="")
    return path


@pytest.mark.slow
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_interrupted(told: dict[str, str], world: World) -> None:
    """Ctrl-C ends it in a moment, says so, and leaves nothing half written."""
    lines = [f"T{n},site,2026-03-01 09:00,,red,S{n},Look,Ann," for n in range(5000)]
    (world.folder / "file.csv").write_text(sheet(*lines))
    (world.folder / "tickets.yaml").write_text(TICKETS)
    importing = await start(told, world.folder / "file.csv", str(world.folder / "tickets.yaml"))
    while await how_many(world) == 0:  # noqa: ASYNC110  # as above
        await asyncio.sleep(0.02)
    importing.send_signal(signal.SIGINT)
    out, said = await importing.communicate()
    assert importing.returncode == 1
    assert b"interrupted. Run the same command again to go on." in said
    assert b"Traceback" not in said
    assert json.loads(out)["finished"] is False
    assert await how_many(world) == len(await world.cases())


async def how_many(world: World) -> int:
    return int((await world.db.one(_HOW_MANY, "live", workspace="live")).found)
