"""Who looks for few events of a long log does not pass over all the others."""

import sqlite3
from typing import Any, NamedTuple

import asyncpg
import pytest

from engage_api.core import clock, ids
from engage_api.db import Database, Query, log, log_types

WORKSPACE, EVENTS, RARE = "wsp_a", 6_000, 1_000
MUCH, LITTLE = ("engage.offer.created.v1", "app_a"), (("engage.case.created.v1", "engage.case.closed.v1"), "app_b")


async def fill(database: Database) -> None:
    """One event in a thousand is of other types, and another application's."""
    now, rows = clock.host(), []
    for number in range(1, EVENTS + 1):
        type_, maker = (LITTLE[0][number // RARE % 2], LITTLE[1]) if number % RARE == 0 else MUCH
        same = {"time": now, "recorded_time": now, "actor": f"application:{maker}", "data": b"{}"}
        row = {"id": ids.new("evt"), "type": type_, "subject": "ofr_a", "made_by": maker, "sequence": number}
        rows.append({"workspace_id": WORKSPACE, **row, **same})
    async with database.system.write(None) as tx:
        await tx.many(log._APPEND_NUMBERED, rows)


class Look(NamedTuple):
    """A statement, the index that each of its steps goes through, and how many such steps there are."""

    query: Query
    through: str
    steps: int
    bounds: str
    given: dict[str, Any]


REACH = {"from_type": "engage.case.", "until_type": "engage.case/"}
TYPES = {f"type_{n}": type_ for n, type_ in enumerate(LITTLE[0])}
BOTH = {
    "its own": Look(log._page("own", names=()), "event_made_by", 1, "made_by=? AND sequence>?", {"after": 0}),
    "its newest": Look(log._newest("own"), "event_made_by", 1, "made_by=? AND sequence<?", {"until": EVENTS}),
}
LOOKS = {
    "sqlite": BOTH
    | {
        "which types": Look(log_types._WITHIN, "event_type", 2, "type>? AND type<?", REACH),
        "of types": Look(log_types.merged(2), "event_type", 2, "type=? AND sequence>?", {"after": 0, **TYPES}),
    },
    "postgresql": BOTH
    | {"a range": Look(log._page("workspace", names=("types",)), "event_type", 1, "", {"after": 0, **REACH})},
}


async def plan(database: Database, url: str, look: Look) -> list[str]:
    values = {"workspace": WORKSPACE, "application": LITTLE[1], "limit": 51, **look.given}
    if database.dialect == "sqlite":
        connection = sqlite3.connect(url.removeprefix("sqlite:///"))
        told = connection.execute(f"EXPLAIN QUERY PLAN {look.query.sqlite.sql}", look.query.sqlite.arguments(values))
        lines = [str(row[-1]) for row in told]
        connection.close()
        return lines
    postgres = await asyncpg.connect(url)
    try:
        await postgres.execute("ANALYZE event")
        told = await postgres.fetch(f"EXPLAIN {look.query.postgres.sql}", *look.query.postgres.arguments(values))
    finally:
        await postgres.close()
    return [str(row[0]) for row in told]


async def test_few_events_are_found_through_their_index(database: Database, database_url: str) -> None:
    await fill(database)
    for name, look in LOOKS[database.dialect].items():
        lines = await plan(database, database_url, look)
        steps = [line for line in lines if f" {look.through} " in line]
        assert len(steps) == look.steps, (name, lines)
        assert not [line for line in lines if "TEMP B-TREE" in line or "Seq Scan" in line], (name, lines)
        if database.dialect == "sqlite":
            assert all(line.endswith(f"{look.through} (workspace_id=? AND {look.bounds})") for line in steps), lines


@pytest.mark.parametrize("most", [log_types.MOST, 1])
async def test_a_pattern_finds_the_same_whichever_way(
    database: Database, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    """Merged, or passing over the others where its types are too many."""
    monkeypatch.setattr(log_types, "MOST", most)
    await fill(database)
    found = await log_types.page(database, WORKSPACE, "engage.case.*", after=RARE, limit=3)
    assert (found is None) == (most == 1)
    if found is not None:
        assert [row.sequence for row in found] == [2 * RARE, 3 * RARE, 4 * RARE]
