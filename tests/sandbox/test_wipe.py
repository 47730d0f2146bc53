"""A workspace is emptied, whole or up to where its seed began; its neighbours keep every byte."""

import pytest
from sqlmodel import SQLModel

from engage_api.app import create_app  # registers all tables
from engage_api.sandbox import tables
from engage_api.sandbox.clocks import models as _clocks  # noqa: F401  # registers its table
from engage_api.sandbox.tables import MEANS, Means
from engage_api.sandbox.wipe import wipe, wipe_at_once
from tests.api.harness import Service, works
from tests.sandbox.dumps import dump
from tests.sandbox.full import fill, full


def test_no_table_of_a_workspace_is_left_out() -> None:
    """Whoever makes one says what it means for a copy, in `sandbox/tables.py`."""
    assert create_app.__name__ == "create_app"
    there = {table.name for table in SQLModel.metadata.sorted_tables if "workspace_id" in table.c}
    assert there - MEANS.keys() == set(), "not classified"
    assert MEANS.keys() - there == set(), "classified, and not there"


def test_a_copy_refers_to_nothing_that_is_not_in_it() -> None:
    copied = {table.name for table in tables.ordered(Means.COPIED)}
    for table in tables.ordered(Means.COPIED, Means.PLACED):
        for key in table.foreign_key_constraints:
            inside = "workspace_id" in key.column_keys
            assert not inside or key.referred_table.name in copied, f"{table.name} refers to {key.referred_table.name}"


@pytest.mark.parametrize("at_once", [False, True])
async def test_all_of_it_goes_and_nothing_else(service: Service, *, at_once: bool) -> None:
    (owner, client), (neighbour, _) = await full(service), await full(service)
    await client.events(5)
    before = await dump(service.db, neighbour.workspace)
    there = await dump(service.db, owner.workspace)
    assert MEANS.keys() - there.keys() <= {
        *(name for name, means in MEANS.items() if means is Means.ELSEWHERE),
        *(
            "oauth_token",
            "usage",
            "webhook_attempt",
            "fault",
            "sandbox_advance",
            "scenario_run",
        ),  # made by workers, later, or elsewhere
    }
    if at_once:
        async with service.db.write(owner.workspace) as tx:
            await wipe_at_once(tx, owner.workspace)
    else:
        await wipe(service.db, owner.workspace)
    assert await dump(service.db, owner.workspace) == {}
    assert await dump(service.db, neighbour.workspace) == before


async def test_a_reset_leaves_the_first_key_and_what_made_it(service: Service) -> None:
    owner, client = await full(service)
    await client.events(5)
    was = await dump(service.db, owner.workspace)
    await wipe(service.db, owner.workspace, after=1)
    left = await dump(service.db, owner.workspace)
    assert {name: len(rows) for name, rows in left.items() if name != "usage"} == {
        "api_key": 1,
        "counter": 1,
        "credential": 1,
        "event": 1,
        "world": 1,
    }
    assert left["credential"][0] in was["credential"]
    assert left["counter"] == [(owner.workspace, 1)]
    assert await works(service, client.key)
    await fill(client)
    events = await client.events(5)
    assert [event["sequence"] for event in events] == [str(n) for n in range(1, len(events) + 1)]
    assert (await client.ids("/customers", search="zoe")) == await client.ids("/customers", segment="vip")
