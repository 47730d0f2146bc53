"""States that lines tell of, and what people have done with a case since the last import."""

from typing import Any

import pytest

from engage_api.cases import service
from engage_api.cases.models import CASE, CaseCreate, CaseTransition
from engage_api.cases.tasks import service as tasks
from engage_api.cases.tasks.models import TaskCreate, TaskTransition
from engage_api.db import reader
from tests.imports.harness import CLOSED, FIRST, TICKETS, World, at, codes, nothing_done, sheet


async def move(world: World, external_id: str, *path: dict[str, Any]) -> None:
    """As somebody who works with the API does it."""
    for wanted in path:
        async with world.db.write("live") as tx:
            case = await reader.find(tx, world.who, CASE, external_id, by="external_id")
            assert case is not None
            await service.move(tx, world.who, case.model.id, CaseTransition.model_validate(wanted), None)


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


async def test_tasks_go_on_where_people_left_them(world: World) -> None:
    await world.take(sheet(FIRST))
    step = (await world.tasks())["S1"]
    async with world.db.write("live") as tx:
        await tasks.move(tx, world.who, step.id, TaskTransition(to="available", reason="Not good."), None)
    assert nothing_done(await world.take(sheet(FIRST)))
    assert (await world.tasks())["S1"].state == "available"
