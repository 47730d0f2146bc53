"""What a row stores is what would be made of it now, and `engage reindex` makes it so."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from functools import partial

import pytest
from sqlalchemy import text

from engage_api.app import KINDS
from engage_api.db import Query, reindex
from engage_api.db.row import Row, TimedRow
from engage_api.db.sequencer import Sequencer
from tests.attack.world import World
from tests.counts import Count
from tests.proof.divergence import divergences, stored
from tests.proof.life import Life
from tests.running import service

LEAST = 20  # resources

PLANTED = {
    "another byte": "UPDATE customer SET document = :spaced WHERE id = :id",
    "another column": "UPDATE customer SET state = 'closed' WHERE id = :id",
    "another version": "UPDATE customer SET version = version + 1 WHERE id = :id",
    "a term too many": "INSERT INTO term SELECT workspace_id, 'customer.segment=gold', created_at, id FROM customer "
    "WHERE id = :id",
    "a term too few": "DELETE FROM term WHERE resource_id = :id AND term = 'customer.segment=vip'",
    "other words": "UPDATE search SET words = 'nothing' WHERE resource_id = :id",
    "no words": "DELETE FROM search WHERE resource_id = :id",
    "an older shape": "UPDATE customer SET rendered = 0 WHERE id = :id",
}
EVENTS = {
    "an event too few": "DELETE FROM event WHERE subject = :id",
    "a number left out": "UPDATE event SET sequence = 100000 WHERE subject = :id",
    "a resource of nobody": "DELETE FROM offer WHERE id = :offer",
}


@pytest.fixture
async def world(database_url: str) -> AsyncIterator[World]:
    async with service(database_url) as running:
        made = World(running, await running.key())
        await made.fill()
        yield made


async def plant(world: World, sql: str) -> None:
    shown = await world.service.ask("GET", f"/v1/customers/{world.ids['customer_id']}", key=world.key)
    values = {"id": shown.json["id"], "offer": world.ids["offer_id"], "spaced": json.dumps(shown.json).encode()}
    async with world.service.db.system.write(None) as tx:
        assert await tx.run(Query(text(sql)), **values) > 0


async def numbered(world: World) -> None:
    """Every event has its number."""
    if world.service.db.dialect == "postgresql":
        while await Sequencer(world.service.db).run_once():
            pass


async def wrong(world: World) -> list[str]:
    await numbered(world)
    return divergences(await stored(world.service.db))


def test_every_table_of_resources_is_a_kind() -> None:
    assert {kind.row for kind in KINDS} == {
        row
        for row in (*Row.__subclasses__(), *TimedRow.__subclasses__())
        if row is not TimedRow and row.__module__.startswith("engage_api")
    }


async def test_every_row_says_what_would_be_made_of_it_now(world: World, count: Count) -> None:
    who = await world.service.sandbox()
    sandbox = World(world.service, await world.service.key(who=who), who="sbx", application=who)
    await sandbox.fill()
    for one in (world, sandbox):
        await Life(one).live()
    await numbered(world)
    found = await stored(world.service.db)
    diverging = divergences(found)
    count(
        "stored documents",
        resources=len(found.resources),
        events=sum(map(len, found.events.values())),
        wrong=len(diverging),
    )
    assert not diverging, "\n".join(diverging)
    assert len(found.resources) >= LEAST


@pytest.mark.parametrize("what", [*PLANTED, *EVENTS])
async def test_a_planted_divergence_is_found_and_mended(world: World, what: str) -> None:
    assert await wrong(world) == []
    await plant(world, {**PLANTED, **EVENTS}[what])
    assert await wrong(world) != []
    if what in PLANTED and what != "another version":
        tally = await reindex.run(world.service.db, KINDS)
        assert (tally.seen, tally.written + tally.dropped <= 2) == (tally.total, True)
        assert await wrong(world) == []
        again = await reindex.run(world.service.db, KINDS)
        assert (again.written, again.dropped) == (0, 0)


async def test_many_resources_are_brought_up_to_date_in_portions(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reindex, "PORTION", 3)
    for name in ("a term too many", "an older shape"):
        await plant(world, PLANTED[name])
    tally = await reindex.run(world.service.db, KINDS)
    assert tally.seen == tally.total > 3
    assert await wrong(world) == []


async def test_an_older_shape_is_rendered_when_it_is_read(world: World) -> None:
    path = f"/v1/customers/{world.ids['customer_id']}"
    before = await world.service.ask("GET", path, key=world.key)
    tag = before.header("etag") or ""
    older = {name: value for name, value in before.json.items() if name not in {"context", "mergedInto"}}
    sql = Query(text("UPDATE customer SET rendered = 0, document = :document WHERE id = :id"))
    async with world.service.db.system.write(None) as tx:
        await tx.run(sql, document=json.dumps(older).encode(), id=before.json["id"])
    expanded = f"/v1/cases/{world.ids['case_id']}?expand=customer"
    for read in (path, "/v1/customers", "/v1/customers/external/our:1", expanded):
        assert before.body in (await world.service.ask("GET", read, key=world.key)).body
    known = await world.service.ask("GET", path, key=world.key, headers=[("If-None-Match", tag)])
    assert known.status == 304
    patch = {"segments": ["new"]}
    changed = await world.service.ask("PATCH", path, patch, key=world.key, headers=[("If-Match", tag)])
    assert changed.status == 200
    assert await wrong(world) == []


async def test_the_command_does_it(world: World) -> None:
    await plant(world, PLANTED["an older shape"])
    environment = os.environ | {"ENGAGE_DATABASE_URL": world.service.settings.database, "ENGAGE_SECRET_KEY": "x" * 40}
    command = [sys.executable, "-m", "engage_api", "reindex", "--json"]
    run = partial(subprocess.run, command, env=environment, capture_output=True, text=True, check=False, timeout=60)
    done = await asyncio.to_thread(run)  # the service goes on: what it has begun to write must not stay locked
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) | {"total": 0, "seen": 0} == {"total": 0, "seen": 0, "written": 1, "dropped": 0}
    assert await wrong(world) == []
