"""No statement on a workspace table without its predicate, on either database, whatever the service is asked."""

from collections.abc import AsyncIterator

import pytest
from sqlalchemy import Insert, Text, bindparam, insert, select, update

from engage_api.cases.models import CaseRow
from engage_api.customers.models import CustomerRow
from engage_api.db import Query
from engage_api.db.row import CounterRow
from tests.architecture.test_house import ACROSS
from tests.attack.world import OURS, World
from tests.counts import Count
from tests.proof.life import Life
from tests.proof.tripwire import Statement, violations, watched, workspace_tables
from tests.running import service

LEAST = 300, 60  # executions; different statements
KNOWN = frozenset(ACROSS)
TABLES = workspace_tables()
_case, _customer = CaseRow.__table__, CustomerRow.__table__  # type: ignore[attr-defined]


@pytest.fixture
async def worlds(database_url: str) -> AsyncIterator[list[World]]:
    async with service(database_url) as running:
        callers = [None, await running.sandbox(), await running.application("partner")]
        made = [
            World(running, await running.key(who=who), who=f"w{at}", application=who or OURS)
            for at, who in enumerate(callers)
        ]
        for world in made:
            await world.fill()
        yield made


async def test_every_statement_is_held_to_its_workspace(worlds: list[World], count: Count) -> None:
    with watched() as seen:
        for world in worlds[:2]:
            await Life(world).live()
        await worlds[2].service.ask("GET", "/v1/cases?count=true&search=dormer", key=worlds[2].key)
        await worlds[0].service.services.doorkeeper.write_uses()  # type: ignore[attr-defined]
    wrong = {found for statement in seen for found in violations(statement, KNOWN, TABLES)}
    different = {statement.sql for statement in seen}
    count("statements", executed=len(seen), least_different=len(different), wrong=len(wrong))
    assert not wrong, "\n".join(sorted(wrong))
    assert len(seen) >= LEAST[0]
    assert len(different) >= LEAST[1]
    assert {statement.wall for statement in seen} >= {"live", "sbx_developer_1"}


_held = _customer.c.workspace_id == bindparam("workspace")


def _add_counter(workspace: str) -> Insert:
    return insert(CounterRow.__table__).values(workspace_id=bindparam(workspace), last=bindparam("last"))  # type: ignore[attr-defined]


PLANTED = {
    "no predicate": select(_case.c.document).where(_case.c.id == bindparam("id")),
    "a join that is not held": select(_case.c.document)
    .join(_customer, _customer.c.id == _case.c.customer_id)
    .where(_case.c.workspace_id == bindparam("workspace")),
    "an alias that is not held": select(_case.c.document, _case.alias("other").c.id).where(
        _case.c.workspace_id == bindparam("workspace")
    ),
    "another workspace": select(_case.c.document).where(_case.c.workspace_id == bindparam("other")),
    "a subquery": select(_case.c.document).where(
        _case.c.workspace_id == bindparam("workspace"), _case.c.customer_id.in_(select(_customer.c.id))
    ),
    "an update": update(_case).where(_case.c.id == bindparam("at_id")).values(type=bindparam("type")),
    "an insert elsewhere": insert(CounterRow.__table__).values(workspace_id=bindparam("other"), last=bindparam("last")),  # type: ignore[attr-defined]
    "an insert elsewhere, beside one that is held": _add_counter("workspace").add_cte(
        _add_counter("other").cte("beside")
    ),
    "an insert of a selection elsewhere": insert(CounterRow.__table__).from_select(  # type: ignore[attr-defined]
        ["workspace_id", "last"], select(bindparam("other", type_=Text()), _customer.c.version).where(_held)
    ),
    "an insert of a selection that is not held": insert(CounterRow.__table__).from_select(  # type: ignore[attr-defined]
        ["workspace_id", "last"], select(bindparam("workspace", type_=Text()), _customer.c.version)
    ),
}
VALUES = {"id": "x", "at_id": "x", "workspace": "live", "other": "sbx_other", "type": "x", "last": 1}


@pytest.mark.parametrize("name", PLANTED)
@pytest.mark.parametrize("dialect", ["sqlite", "postgres"])
def test_a_planted_violation_is_found(name: str, dialect: str) -> None:
    plan = getattr(Query(PLANTED[name]), dialect)
    given = tuple(plan.arguments(VALUES))
    statement = Statement(plan.sql, given, "live", system=False, modules=frozenset({"cases/service.py"}))
    assert len(violations(statement, KNOWN, TABLES)) == 1, plan.sql


def test_only_listed_modules_may_look_across() -> None:
    sql = "SELECT document FROM customer"
    for module, system, allowed in (
        ("access/keys.py", True, True),
        ("access/keys.py", False, False),
        ("cases/service.py", True, False),
    ):
        statement = Statement(sql, (), None, system, frozenset({module}))
        assert (violations(statement, KNOWN, TABLES) == []) == allowed


async def test_what_is_executed_is_seen(worlds: list[World]) -> None:
    planted = Query(PLANTED["no predicate"])
    db = worlds[0].service.db
    with watched() as seen:
        await db.one(planted, "live", id="x")
        async with db.write("live") as tx:
            await tx.fetch(planted, id="x")
    assert sum(violations(statement, KNOWN, TABLES) != [] for statement in seen) == 2
