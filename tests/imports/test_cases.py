"""Cases and tasks from lines: what is made, what is changed, what is left alone."""

import random

from engage_api.cases import service
from engage_api.cases.models import CASE, CaseUpdate
from engage_api.db import reader
from engage_api.http import etags
from tests.imports.harness import CLOSED, FIRST, HEADER, SECOND, TICKETS, World, at, codes, created, nothing_done, sheet


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


async def test_too_much_metadata_is_refused(world: World) -> None:
    await world.take(sheet(FIRST.replace("red", "")))
    async with world.db.write("live") as tx:
        case = await reader.find(tx, world.who, CASE, "T1", by="external_id")
        assert case is not None
        patch = CaseUpdate.model_validate({"metadata": {f"k{n}": "v" for n in range(50)}})
        await service.change(tx, world.who, case.model.id, patch, etags.strong(case.document))
    report = await world.take(sheet(FIRST))
    assert codes(report) == [(2, "too-long", None)]
