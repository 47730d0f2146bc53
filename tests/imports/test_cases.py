"""Cases and tasks from lines: what is made, what is changed, what is left alone."""

import random
from datetime import UTC, datetime
from typing import Any

import pytest

from engage_api.cases import service
from engage_api.cases.models import CASE, CaseCreate, CaseTransition, CaseUpdate
from engage_api.cases.tasks import service as tasks
from engage_api.cases.tasks.models import TaskCreate, TaskTransition
from engage_api.db import reader
from engage_api.http import etags
from tests.imports.harness import FIRST, HEADER, TICKETS, World, codes, created, nothing_done, sheet

SECOND = "T1,mail,2026-03-01 09:00,,red,S2,Answer,Bob,2026-03-02T10:00:00+01:00"
CLOSED = "T2,site,2026-03-01 09:00,2026-03-05 12:30,,S3,Look,Ann,2026-03-04T10:00:00+01:00"


def at(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[arg-type, misc]  # year, month, day, hour, minute


async def move(world: World, external_id: str, *path: dict[str, Any]) -> None:
    """As somebody who works with the API does it."""
    for wanted in path:
        async with world.db.write("live") as tx:
            case = await reader.find(tx, world.who, CASE, external_id, by="external_id")
            assert case is not None
            await service.move(tx, world.who, case.model.id, CaseTransition.model_validate(wanted), None)


async def test_lines_of_one_case(world: World) -> None:
    report = await world.take(sheet(FIRST, SECOND, CLOSED))
    assert created(report) == {"case": 2, "task": 3}
    assert report.channels == {"email": 1, "web": 1}
    cases, steps = await world.cases(), await world.tasks()
    assert (cases["T1"].state, cases["T1"].received_at) == ("in-progress", at(2026, 3, 1, 8))
    assert (cases["T2"].state, cases["T2"].delivered_at) == ("delivered", at(2026, 3, 5, 11, 30))
    assert (cases["T1"].metadata, cases["T2"].metadata) == ({"team": "red"}, {})
    assert {step.case_id for step in steps.values()} == {cases["T1"].id, cases["T2"].id}
    assert await world.told() == [
        "case.created",
        "task.created",
        "task.created",
        "case.created",
        "task.created",
        "case.delivered",
    ]
    times = [event.time for event in await world.events()]
    assert times[:2] == [at(2026, 3, 1, 8), at(2026, 3, 1, 9)]
    assert times[3:] == [at(2026, 3, 1, 8), at(2026, 3, 4, 9), at(2026, 3, 5, 11, 30)]
    assert all(event.recorded_time.year >= 2026 and event.recorded_time != event.time for event in await world.events())


async def test_the_order_of_lines_does_not_matter(world: World) -> None:
    """However the lines of 40 cases stand among each other, the same cases and tasks come of them."""
    written = [
        f"T{case},site,2026-03-01 09:00,{'2026-04-01 12:00' if case % 2 else ''},red,S{case}-{step},Step {step},Ann,"
        for case in range(40)
        for step in range(12)
    ]
    random.Random(7).shuffle(written)
    report = await world.take(sheet(*written))
    assert created(report) == {"case": 40, "task": 480}
    cases, steps = await world.cases(), await world.tasks()
    for name, step in steps.items():
        assert step.case_id == cases[name.partition("-")[0].replace("S", "T")].id
        assert step.state == "available"
    assert sum(case.state == "delivered" for case in cases.values()) == 20
    assert {case.straight_through for case in cases.values() if case.delivered_at} == {False}
    written.sort()
    assert nothing_done(await world.take(sheet(*written)))
    assert len(await world.events()) == 40 + 480 + 20


async def test_a_newer_file_changes_what_differs_and_nothing_else(world: World) -> None:
    await world.take(sheet(FIRST, SECOND))
    before = await world.cases(), await world.tasks()
    report = await world.take(
        sheet(FIRST.replace("red", "blue"), SECOND.replace("red", "blue").replace("Answer", "Reply"))
    )
    assert report.counts["case"] == {"created": 0, "changed": 1, "unchanged": 0}
    assert report.counts["task"] == {"created": 0, "changed": 1, "unchanged": 1}
    case, steps = (await world.cases())["T1"], await world.tasks()
    assert (case.metadata, case.version) == ({"team": "blue"}, 2)
    assert (steps["S2"].title, steps["S2"].version) == ("Reply", 2)
    assert steps["S1"] == before[1]["S1"]
    assert await world.told() == ["case.created", "task.created", "task.created", "case.updated", "task.updated"]


async def test_an_emptied_cell_empties_the_field(world: World) -> None:
    await world.take(sheet(FIRST))
    await world.take(sheet(FIRST.replace("Ann", "").replace("red", "").replace("mail", "")))
    assert (await world.tasks())["S1"].assignee is None
    case = (await world.cases())["T1"]
    assert (case.metadata, case.channel) == ({}, "web")


async def test_what_the_mapping_does_not_speak_of_is_left_alone(world: World) -> None:
    await world.take(sheet(FIRST))
    async with world.db.write("live") as tx:
        case = await reader.find(tx, world.who, CASE, "T1", by="external_id")
        assert case is not None
        patch = CaseUpdate.model_validate({"description": "Ours", "metadata": {"ours": "kept"}})
        await service.change(tx, world.who, case.model.id, patch, etags.strong(case.document))
    assert nothing_done(await world.take(sheet(FIRST)))
    await world.take(sheet(FIRST.replace("red", "")))
    changed = (await world.cases())["T1"]
    assert (changed.description, changed.metadata) == ("Ours", {"ours": "kept"})


async def test_a_case_reaches_its_end_in_a_later_file(world: World) -> None:
    await world.take(sheet(FIRST, todo := "T1,mail,2026-03-01 09:00,,red,S2,Answer,Bob,"))
    done = (
        FIRST.replace(",,red", ",2026-03-03 10:00,red"),
        f"{todo}2026-03-02T10:00:00Z".replace(",,red", ",2026-03-03 10:00,red"),
    )
    report = await world.take(sheet(*done))
    assert report.counts["case"]["changed"] == 1
    case, step = (await world.cases())["T1"], (await world.tasks())["S2"]
    assert (case.state, case.delivered_at, case.straight_through) == ("delivered", at(2026, 3, 3, 9), False)
    assert (step.state, step.completed_at) == ("completed", at(2026, 3, 2, 10))
    last = {event.type: event.time for event in await world.events()}
    assert last["engage.task.completed.v1"] == at(2026, 3, 2, 10)
    assert last["engage.case.delivered.v1"] == at(2026, 3, 3, 9)
    assert nothing_done(await world.take(sheet(*done)))


async def test_a_corrected_time_is_an_update_and_not_another_delivery(world: World) -> None:
    await world.take(sheet(CLOSED))
    await world.take(sheet(CLOSED.replace("12:30", "12:31")))
    case = (await world.cases())["T2"]
    assert (case.state, case.delivered_at) == ("delivered", at(2026, 3, 5, 11, 31))
    assert (await world.told())[-1] == "case.updated"


@pytest.mark.parametrize(
    "path",
    [
        [{"to": "confirmed"}],
        [{"to": "in-progress", "reason": "There is more to do."}],
        [{"to": "in-progress"}, {"to": "waiting", "waitingFor": "customer"}],
        [{"to": "confirmed"}, {"to": "in-progress", "reason": "Again."}],
    ],
    ids=["confirmed", "reopened", "waiting", "reopened after all"],
)
async def test_an_import_takes_nothing_back(world: World, path: list[dict[str, Any]]) -> None:
    """What people did with a case since the first import stays, also when the file is imported again."""
    await world.take(sheet(CLOSED))
    await move(world, "T2", *path)
    before = await world.cases(), len(await world.events())
    assert nothing_done(await world.take(sheet(CLOSED)))
    assert (await world.cases(), len(await world.events())) == before


async def test_a_case_that_works_on_its_own_is_not_taken_back_either(world: World) -> None:
    await world.take(sheet(FIRST))
    await move(world, "T1", {"to": "waiting", "waitingFor": "partner"})
    assert nothing_done(await world.take(sheet(FIRST)))
    report = await world.take(sheet(FIRST.replace(",,red", ",2026-03-03 10:00,red")))
    assert report.refused == 0
    case = (await world.cases())["T1"]
    assert (case.state, case.waiting_for) == ("delivered", None)


async def test_nothing_about_a_closed_case_changes(world: World) -> None:
    """Lines that say what is known are fine; the others are refused, one by one."""
    await world.take(sheet(CLOSED))
    await move(world, "T2", {"to": "confirmed"})
    more = CLOSED.replace("S3", "S4")
    report = await world.take(sheet(CLOSED, more))
    assert codes(report) == [(3, "case-closed", None)]
    assert report.counts["task"] == {"created": 0, "changed": 0, "unchanged": 1}
    report = await world.take(sheet(CLOSED.replace("site", "mail"), more.replace("site", "mail")))
    assert [code for _, code, _ in codes(report)] == ["case-closed"] * 2
    assert set(await world.tasks()) == {"S3"}


async def test_a_case_made_by_a_caller_is_found_by_its_external_id(world: World) -> None:
    async with world.db.write("live") as tx:
        made = await service.create(tx, world.who, CaseCreate(external_id="T1", type="ticket", title="Ours"))
        await tasks.create(tx, world.who, made.model.id, TaskCreate(external_id="S1", title="Look", assignee="Zoë"))
    report = await world.take(sheet(FIRST))
    assert report.counts == {kind: {"created": 0, "changed": 1, "unchanged": 0} for kind in ("case", "task")}
    case, step = (await world.cases())["T1"], (await world.tasks())["S1"]
    assert (case.id, case.title, case.state, case.received_at) == (
        made.model.id,
        "Ticket T1",
        "in-progress",
        at(2026, 3, 1, 8),
    )
    assert (step.state, step.assignee) == ("completed", "Ann")
    assert case.handover_count == 1


async def test_a_manual_task_that_comes_later_takes_straight_through_away(world: World) -> None:
    automatic = TICKETS.replace(
        "    assignee: who", "    mode: {column: who, values: {robot: automatic}, otherwise: manual}"
    )
    robot = CLOSED.replace("Ann", "robot")
    await world.take(sheet(robot), automatic)
    assert (await world.cases())["T2"].straight_through is True
    await world.take(sheet(robot, CLOSED.replace("S3", "S4")), automatic)
    assert (await world.cases())["T2"].straight_through is False
    assert nothing_done(await world.take(sheet(robot, CLOSED.replace("S3", "S4")), automatic))


async def test_a_task_stays_with_its_case(world: World) -> None:
    await world.take(sheet(FIRST))
    report = await world.take(sheet(FIRST.replace("T1,", "T9,")))
    assert codes(report) == [(2, "another-case", None)]
    assert set(await world.cases()) == {"T1"}
    report = await world.take(sheet(FIRST.replace("T1,", "T9,"), SECOND.replace("T1,", "T9,")))
    assert codes(report) == [(2, "another-case", None)]
    assert created(report) == {"case": 1, "task": 1}


async def test_lines_that_contradict_an_earlier_line_are_refused(world: World) -> None:
    """The first line about an id counts, so a second run changes nothing."""
    text = sheet(
        FIRST, FIRST.replace("Look", "Lock"), SECOND.replace("red", "blue"), FIRST, FIRST.replace("T1,", "T3,")
    )
    for _ in range(2):
        report = await world.take(text)
        assert codes(report) == [(3, "contradiction", None), (4, "contradiction", None), (6, "contradiction", None)]
        assert "Line 2 " in report.shown[0]["detail"]
        assert report.repeated == 1
    assert set(await world.cases()) == {"T1"}
    assert (await world.cases())["T1"].version == (await world.tasks())["S1"].version == 1


async def test_a_refused_line_makes_nothing_and_holds_nobody_up(world: World) -> None:
    text = sheet(
        FIRST.replace("S1", "S 1").replace("Look", ""), SECOND.replace("mail", "pigeon").replace("T1,", "T2,"), SECOND
    )
    report = await world.take(text)
    assert codes(report) == [
        (2, "string-pattern-mismatch", "step"),
        (2, "missing", "what"),
        (3, "unknown-value", "by"),
    ]
    assert [error["pointer"] for error in report.shown] == ["/externalId", "/title", "/channel"]
    assert created(report) == {"case": 1, "task": 1}
    assert "pigeon" not in str(report.as_json())


async def test_a_line_without_a_task(world: World) -> None:
    report = await world.take(sheet("T1,mail,2026-03-01 09:00,,red,,,,", "T1,mail,2026-03-01 09:00,,red,,,,", FIRST))
    assert created(report) == {"case": 1, "task": 1}
    assert report.repeated == 1


async def test_cases_alone(world: World) -> None:
    report = await world.take(sheet(FIRST, SECOND), TICKETS[: TICKETS.index("task:")])
    assert created(report) == {"case": 1, "task": 0}


async def test_cases_of_customers_that_were_imported_before(world: World) -> None:
    people = "of: customers\ncustomer:\n  fields: {externalId: id, kind: {constant: person}, displayName: name}\n"
    await world.take("id,name\nC1,Zoë\nC2,Bram\n", people)
    with_customer = TICKETS.replace("  begins: in-progress", "  customer: whose\n  begins: in-progress")
    header = HEADER + ",whose"
    report = await world.take(sheet(FIRST + ",C1", CLOSED + ",C9", header=header), with_customer)
    assert codes(report) == [(3, "unknown-reference", None)]
    customers, cases = await world.customers(), await world.cases()
    assert cases["T1"].customer_id == customers["C1"].id
    assert nothing_done(await world.take(sheet(FIRST + ",C1", header=header), with_customer))
    await world.take(sheet(FIRST + ",C2", header=header), with_customer)
    assert (await world.cases())["T1"].customer_id == customers["C2"].id
    await world.take(sheet(FIRST + ",", header=header), with_customer)
    assert (await world.cases())["T1"].customer_id is None
    report = await world.take(sheet(FIRST + ",no id", header=header), with_customer)
    assert codes(report) == [(2, "external-id", "whose")]


async def test_a_failed_task_and_a_rejected_case(world: World) -> None:
    rejected = "    - {to: rejected, when: {column: team, among: [nobody]}, at: {column: closed, time: iso}}\n"
    failed = "    - {to: failed, when: {column: who, among: [broken]}}\n"
    mapping = TICKETS.replace("    - {to: delivered", f"{rejected}    - {{to: delivered")
    mapping = mapping.replace("    - {to: completed", f"{failed}    - {{to: completed")
    await world.take(sheet(CLOSED.replace(",,S3", ",nobody,S3").replace("Ann", "broken")), mapping)
    assert (await world.cases())["T2"].state == "rejected"
    assert (await world.tasks())["S3"].state == "failed"
    last = (await world.events())[-1]
    assert (last.type, last.time) == ("engage.case.rejected.v1", at(2026, 3, 5, 11, 30))


async def test_too_much_metadata_is_refused(world: World) -> None:
    await world.take(sheet(FIRST.replace("red", "")))
    async with world.db.write("live") as tx:
        case = await reader.find(tx, world.who, CASE, "T1", by="external_id")
        assert case is not None
        patch = CaseUpdate.model_validate({"metadata": {f"k{n}": "v" for n in range(50)}})
        await service.change(tx, world.who, case.model.id, patch, etags.strong(case.document))
    report = await world.take(sheet(FIRST))
    assert codes(report) == [(2, "too-long", None)]


async def test_tasks_go_on_where_people_left_them(world: World) -> None:
    await world.take(sheet(FIRST))
    step = (await world.tasks())["S1"]
    async with world.db.write("live") as tx:
        await tasks.move(tx, world.who, step.id, TaskTransition(to="available", reason="Not good."), None)
    assert nothing_done(await world.take(sheet(FIRST)))
    assert (await world.tasks())["S1"].state == "available"
