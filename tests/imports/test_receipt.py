"""Real permit cases of a Dutch municipality: every case, every step, every time."""

import csv
from collections import Counter
from datetime import datetime
from pathlib import Path

import pytest

from engage_api.imports import catalogue
from tests.counts import Count
from tests.imports.harness import CASES, CHANNELS, DELIVERED, LINES, TASKS, World, created, nothing_done, receipt

pytestmark = pytest.mark.slow
BY_CHANNEL = {"Internet": "web", "Desk": "desk", "Post": "letter", "e-mail": "email", "Intern": "internal"}


async def test_every_fact_of_the_file_is_kept_and_the_second_run_changes_nothing(world: World, count: Count) -> None:
    path, mapping = receipt(), catalogue.find("wabo-receipt", "cases")
    report = await world.take_file(path, mapping)
    assert (report.lines, report.refused, report.repeated) == (LINES, 0, 0)
    assert created(report) == {"case": CASES, "task": TASKS}
    assert report.channels == CHANNELS
    await look_at_all(world, path)

    before = await world.cases(), await world.tasks(), len(await world.events())
    again = await world.take_file(path, mapping)
    assert nothing_done(again)
    assert (again.lines, again.refused, again.channels) == (LINES, 0, CHANNELS)
    assert (await world.cases(), await world.tasks(), len(await world.events())) == before
    count("imported real cases", cases=CASES, tasks=TASKS, events=before[2])


async def look_at_all(world: World, path: Path) -> None:
    """Each cell that the mapping speaks of, compared with the document, and each event with the cell."""
    cases, tasks, events = await world.cases(), await world.tasks(), await world.events()
    assert (len(cases), len(tasks), len(events)) == (CASES, TASKS, CASES + TASKS + DELIVERED)
    assert Counter(case.channel for case in cases.values()) == CHANNELS
    assert Counter(case.state for case in cases.values()) == {"delivered": DELIVERED, "in-progress": CASES - DELIVERED}
    happened = {(event.type, event.subject): (place, event) for place, event in enumerate(events)}
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            case, task = cases[row["case:concept:name"]], tasks[row["concept:instance"]]
            assert case.channel == BY_CHANNEL[row["case:channel"]]
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
