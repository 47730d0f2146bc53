"""Real permit cases of a Dutch municipality: every case, every step, every time; and how much memory that takes.

`make test` imports all of the file on SQLite and its beginning on PostgreSQL; `make soak` all of it on both.
"""

import asyncio
import csv
import json
import os
import subprocess
import sys
from collections import Counter
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.counts import Count
from tests.imports.harness import CASES, CHANNELS, DELIVERED, LINES, World, receipt

pytestmark = [pytest.mark.slow, pytest.mark.soak]
SOAK = "ENGAGE_TEST_MINUTES" in os.environ
BEGINNING = 3_000  # lines
MOST_MEMORY = 300  # MiB
# A process of its own starts the command: the system counts what a process was forked from as its own memory.
MEASURED = """
import resource, subprocess, sys
subprocess.run([sys.executable, "-m", "engage_api", *sys.argv[1:]], check=True)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""
BY_CHANNEL = {"Internet": "web", "Desk": "desk", "Post": "letter", "e-mail": "email", "Intern": "internal"}


class File(NamedTuple):
    """What is in the file: its lines, and the channels of its cases and of those that are delivered."""

    path: Path
    rows: list[dict[str, str]]
    channels: dict[str, str]
    delivered: int

    @classmethod
    def of(cls, path: Path) -> "File":
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        channels = {row["case:concept:name"]: BY_CHANNEL[row["case:channel"]] for row in rows}
        return cls(path, rows, channels, len({row["case:concept:name"] for row in rows if row["case:enddate"]}))


@pytest.fixture
def file(database_url: str, tmp_path: Path) -> File:
    """The whole of it is what it is known to be, so that its figures here are not what this test says alone."""
    whole = File.of(receipt())
    assert (len(whole.rows), len(whole.channels), whole.delivered) == (LINES, CASES, DELIVERED)
    assert Counter(whole.channels.values()) == CHANNELS
    if SOAK or database_url.startswith("sqlite"):
        return whole
    path = tmp_path / "beginning.csv"
    with receipt().open(encoding="utf-8", newline="") as all_of_it:
        path.write_text("".join(islice(all_of_it, BEGINNING + 1)), encoding="utf-8", newline="")
    return File.of(path)


async def test_every_fact_of_the_file_is_kept_and_the_second_run_changes_nothing(
    world: World, database_url: str, file: File, count: Count
) -> None:
    lines, cases = len(file.rows), len(file.channels)
    figures, memory = await asyncio.to_thread(engage_import, database_url, file.path)
    assert (figures["lines"], figures["refused"], figures["repeated"]) == (lines, 0, 0)
    assert (figures["cases"]["created"], figures["tasks"]["created"]) == (cases, lines)
    assert figures["casesByChannel"] == Counter(file.channels.values())
    await look_at_all(world, file)

    before = await world.cases(), await world.tasks(), len(await world.events())
    again, _ = await asyncio.to_thread(engage_import, database_url, file.path)
    assert again["cases"] == {"created": 0, "changed": 0, "unchanged": cases}
    assert again["tasks"] == {"created": 0, "changed": 0, "unchanged": lines}
    assert (await world.cases(), await world.tasks(), len(await world.events())) == before
    assert memory <= MOST_MEMORY
    count(
        f"real cases on {world.db.dialect}",
        cases=cases,
        tasks=lines,
        events=before[2],
        lines_per_second=figures["linesPerSecond"],
        again_per_second=again["linesPerSecond"],
        most_mib=round(memory),
    )


def engage_import(url: str, path: Path) -> tuple[dict[str, Any], float]:
    """What the command told, and the most memory that it held, in MiB."""
    command = ["import", "cases", str(path), "--mapping", "wabo-receipt", "--json"]
    told = {**os.environ, "ENGAGE_DATABASE_URL": url}
    done = subprocess.run([sys.executable, "-c", MEASURED, *command], env=told, capture_output=True, check=True)
    figures, memory = done.stdout.splitlines()
    return json.loads(figures), int(memory) / (1024 if sys.platform == "linux" else 1024**2)


async def look_at_all(world: World, file: File) -> None:
    """Each cell that the mapping speaks of, compared with the document, and each event with the cell."""
    cases, tasks, events = await world.cases(), await world.tasks(), await world.events()
    size = len(file.channels)
    assert (len(cases), len(tasks), len(events)) == (size, len(file.rows), size + len(file.rows) + file.delivered)
    assert {name: case.channel for name, case in cases.items()} == file.channels
    assert Counter(case.state for case in cases.values()) == {
        "delivered": file.delivered,
        "in-progress": size - file.delivered,
    }
    happened = {(event.type, event.subject): (place, event) for place, event in enumerate(events)}
    for row in file.rows:
        case, task = cases[row["case:concept:name"]], tasks[row["concept:instance"]]
        assert case.metadata.get("department") == row["case:department"]
        assert case.metadata.get("group", "") == row["case:group"]
        assert [person.name for person in case.participants] == [row["case:responsible"]]
        assert case.due_at == moment(row["case:enddate_planned"])
        assert case.received_at == moment(row["case:startdate"])
        assert case.delivered_at == (moment(row["case:enddate"]) if row["case:enddate"] else None)
        assert case.straight_through is (False if row["case:enddate"] else None)
        assert (task.case_id, task.title, task.assignee) == (case.id, row["concept:name"], row["org:resource"])
        assert (task.state, task.completed_at) == ("completed", moment(row["time:timestamp"]))
        first, made = happened["engage.case.created.v1", case.id]
        then, stepped = happened["engage.task.created.v1", task.id]
        assert first < then
        assert (made.time, stepped.time) == (case.received_at, task.completed_at)
        assert made.recorded_time >= case.created_at > made.time
        if case.delivered_at:
            last, delivered = happened["engage.case.delivered.v1", case.id]
            assert then < last
            assert delivered.time == case.delivered_at


def moment(cell: str) -> datetime:
    found = datetime.fromisoformat(cell)
    return found.replace(microsecond=found.microsecond // 1000 * 1000)
