"""The past that a sandbox begins with: coherent, complete, and the same for the same seed."""

import asyncio
import gc
import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from datetime import datetime, timedelta
from itertools import takewhile
from pathlib import Path
from typing import Any, get_args

import pytest

from engage_api.cases.models import CASE, CaseState, WaitingFor
from engage_api.cases.tasks.models import TASK, TaskState
from engage_api.core import clock
from engage_api.customers import seed as customers_seed
from engage_api.customers.models import CUSTOMER, CustomerCreate, CustomerState
from engage_api.db import Database, world
from engage_api.db.kind import Kind
from engage_api.db.story import Setting
from engage_api.events.webhooks.fanout import Fanout
from engage_api.events.webhooks.models import WEBHOOK_ENDPOINT
from engage_api.offers.models import OFFER, OfferState
from engage_api.sandbox import seeding
from engage_api.sandbox.seeding import PAST, SIZES
from tests.sandbox import stories
from tests.sandbox.stories import START, documents, events, everything, seeded

ROOT = Path(__file__).parents[2]
NOT_SEEDED = {
    "account-link": "needs a person with an account, who is in no sandbox",
    "api-key": "a secret comes from chance and never from a seed; a sandbox has a key from the start",
    "webhook-secret": "a secret, too: give the example endpoint one",
    "application": "in the live workspace alone",
    "client-secret": "in the live workspace alone",
    "invitation": "in the live workspace alone",
    "member": "in the live workspace alone",
    "organization": "in the live workspace alone",
    "sandbox": "in the live workspace alone",
    "sandbox-snapshot": "in the live workspace alone",
    "scenario-run": "somebody begins a scenario; the story is what was before",
}
STATES: dict[Kind[Any], Any] = {CUSTOMER: CustomerState, CASE: CaseState, TASK: TaskState, OFFER: OfferState}


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


async def everyone(db: Database, kind: Kind[Any], name: str = "one") -> list[dict[str, Any]]:
    who, _ = await seeded(db, name)
    return [json.loads(document) for document in await documents(db, who, kind)]


async def test_every_kind_has_a_part_in_it(database: Database) -> None:
    """A slice that brings a new kind brings its part of the story, or says here why it has none."""
    who, _ = await seeded(database, "one")
    known = {name for name, kind in Kind.known.items() if kind.public.__module__.startswith("engage_api.")}
    there = {name for name in known if await documents(database, who, Kind.known[name])}
    assert sorted(known - there) == sorted(NOT_SEEDED)
    for kind in (Kind.known[name] for name in there):
        for document in await documents(database, who, kind):
            assert kind.render(kind.read(document)) == document
    told = Counter(json.loads(event)["type"].split(".")[0] for event in await events(database, who))
    assert told["x"] >= 4, "signals from outside"


async def test_every_state_is_there(database: Database) -> None:
    who, _ = await seeded(database, "one")
    for kind, states in STATES.items():
        there = {json.loads(document)["state"] for document in await documents(database, who, kind)}
        assert there == set(get_args(states)), kind.name
    cases = [json.loads(document) for document in await documents(database, who, CASE)]
    assert {case["waitingFor"] for case in cases} == {None, *get_args(WaitingFor)}
    customers = [json.loads(document) for document in await documents(database, who, CUSTOMER)]
    assert {one["preferences"]["language"] for one in customers} == {"nl", "en", "pl"}
    assert {one["kind"] for one in customers} == {"person", "organization"}
    assert all(point["value"].endswith("@example.org") for one in customers for point in one["contactPoints"][:1])
    assert {name["scheme"] for one in customers for name in one["identifiers"]} == {"demo"}
    assert (len(customers), len(cases)) == SIZES["tiny"]


async def test_due_dates_have_passed_pass_soon_and_pass_later(database: Database) -> None:
    who, _ = await seeded(database, "one")
    for kind in (CASE, TASK):
        found = [json.loads(document) for document in await documents(database, who, kind)]
        owed = [
            one for one in found if one["state"] not in {"confirmed", "withdrawn", "rejected", "completed", "skipped"}
        ]
        left = [moment(one["dueAt"]) - START for one in owed if one["dueAt"] and one["state"] != "delivered"]
        assert any(span < timedelta() for span in left)
        assert any(timedelta() < span < timedelta(days=7) for span in left)
        assert any(timedelta(days=7) < span < timedelta(days=90) for span in left)
    offers = [json.loads(document) for document in await documents(database, who, OFFER)]
    ends = [moment(one["validUntil"]) - START for one in offers if one["state"] == "active" and one["validUntil"]]
    assert any(timedelta() < span < timedelta(days=7) for span in ends)


async def test_its_past_lies_in_time_as_it_would_have_happened(database: Database) -> None:
    who, _ = await seeded(database, "one")
    told = [json.loads(event) for event in await events(database, who)]
    times = [moment(event["time"]) for event in told]
    assert times == sorted(times)
    assert [event["recordedtime"] for event in told] == [event["time"] for event in told]
    assert START - PAST < times[0] < START - PAST + timedelta(days=3)
    assert START - timedelta(days=1) < times[-1] < START
    overdue = [event for event in told if event["type"].endswith(".overdue.v1")]
    assert len(overdue) >= 3
    assert all(event["time"] == event["data"]["dueAt"] for event in overdue), "told at the moment it was due"
    row = await world.find(database, who.workspace)
    assert (row.at, row.pace) == (START, clock.FROZEN)
    staffed = [at for at, event in zip(times, told, strict=True) if event["type"].startswith("engage.task.active")]
    assert sum(8 <= at.hour < 17 and at.weekday() < 5 for at in staffed) >= 0.8 * len(staffed)


async def test_nothing_is_sent_to_its_webhook_endpoint(database: Database) -> None:
    who, _ = await seeded(database, "one")
    (endpoint,) = [json.loads(document) for document in await documents(database, who, WEBHOOK_ENDPOINT)]
    assert (endpoint["state"], endpoint["stateReason"]) == ("disabled", "unsigned")
    assert endpoint["url"].startswith("https://hooks.example.org/")
    await events(database, who)
    while await Fanout(database).run_once():
        pass
    rows = await database.system.fetch(stories.DELIVERIES, None)
    assert not rows


async def test_the_people_to_play_are_in_it(database: Database) -> None:
    who, people = await seeded(database, "one")
    customers = {one["id"]: one for one in map(json.loads, await documents(database, who, CUSTOMER))}
    assignees = {one["assignee"] for one in map(json.loads, await documents(database, who, TASK))}
    assert 6 <= len(people) <= 10
    assert {person.language for person in people} == {"nl", "en", "pl"}
    for person in people:
        if person.customer_id is None:
            assert person.name in assignees
        else:
            assert customers[person.customer_id]["displayName"] == person.name
            assert customers[person.customer_id]["preferences"]["language"] == person.language


async def test_the_page_tells_of_the_people(database: Database) -> None:
    _, people = await seeded(database, "one")
    page = (ROOT / "docs" / "en" / "sandbox-world.md").read_text(encoding="utf-8")
    rows = [line for line in page.splitlines() if line.startswith("| ") and line.count("|") == 5]
    told = [f"| {one.name} | {one.role} | {one.language} | {one.story} |" for one in people]
    assert [row for row in rows if row in told] == told
    for size, extent in SIZES.items():
        assert f"| `{size}` | {extent.customers:,} | {extent.cases:,} |" in page


async def test_it_says_how_far_it_is(database: Database) -> None:
    who, heard = await stories.sandbox(database, "one"), []

    async def note(done: int, total: int) -> None:
        heard.append((done, total))

    await seeding.seed(database, who, "tiny", note=note)
    assert heard == sorted(heard)
    assert heard[-1] == (32, 32)


async def test_an_empty_one_stays_empty(database: Database) -> None:
    who = await stories.sandbox(database, "one")
    assert await seeding.seed(database, who, "empty") == []
    assert await everything(database, who) == []


async def test_another_seed_is_another_world(database: Database) -> None:
    one, _ = await seeded(database, "one")
    two, _ = await seeded(database, "two", seed="autumn")
    first, second = [await everything(database, who) for who in (one, two)]
    assert not set(first) & set(second)
    names = [
        {json.loads(line)["displayName"] for line in await documents(database, who, CUSTOMER)} for who in (one, two)
    ]
    assert names[0] != names[1]
    assert "Zoë de Vries" in names[0] & names[1]


async def test_the_same_seed_is_the_same_world_wherever_it_is_told(
    sqlite_url: str, postgres_url: str, sqlite_template: Path, tmp_path: Path
) -> None:
    """Byte for byte: on both databases, and in fresh processes whose hashes differ."""
    told = [await stories.tell(url) for url in (sqlite_url, postgres_url)]
    for hashes in ("1", "2"):
        copy = shutil.copy(sqlite_template, tmp_path / f"{hashes}.db")
        told.append(await asyncio.to_thread(_told_afresh, f"sqlite:///{copy}", hashes))
    assert len(set(told)) == 1


def _told_afresh(url: str, hashes: str) -> str:
    """By a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.sandbox.stories", url],
        cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": hashes},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return done.stdout.strip()


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_a_larger_one_is_as_coherent(database: Database) -> None:
    """Whoever has a case was there before it, and whoever is closed has none."""
    who, _ = await seeded(database, "one", size="small")
    customers = {one["id"]: one for one in map(json.loads, await documents(database, who, CUSTOMER))}
    cases = [json.loads(document) for document in await documents(database, who, CASE)]
    assert (len(customers), len(cases)) == SIZES["small"]
    for case in cases:
        customer = customers[case["customerId"]]
        assert customer["createdAt"] <= case["createdAt"]
        assert customer["state"] == "active"
    told = [moment(json.loads(event)["time"]) for event in await events(database, who)]
    assert told == sorted(told)


@pytest.mark.parametrize("size", ["tiny", "small", "medium"])
def test_its_steps_come_in_the_order_of_time(size: str) -> None:
    """Whatever the seed, and whichever weekday the story ends on."""
    for seed in range(1 if size == "medium" else 7):
        ends = START + timedelta(days=seed, hours=3 * seed)
        setting = Setting(str(seed), ends - PAST, ends, *SIZES[size])
        times = [step.at for step in seeding.told(setting)]
        assert times == sorted(times)
        assert setting.begins <= times[0] <= times[-1] <= ends


def test_who_was_entered_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """A hundred thousand of them would halt Python for a second whenever it looks for what is garbage."""
    monkeypatch.setattr(customers_seed, "BATCHES", 10)
    setting = Setting("1", START - PAST, START, 1_000, 100)
    story = customers_seed.told(setting)
    made = sum(step.makes for step in takewhile(lambda step: step.at < START - timedelta(days=40), story))
    kept = sum(type(one) is CustomerCreate for one in gc.get_objects())
    assert next(story)
    assert made > 400
    assert kept <= 200, "one portion of them, and the next"
