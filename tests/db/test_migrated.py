"""What `db/` relies on holds in the product's own schema: a wall around every workspace, and the sequencer's rights."""

from collections.abc import AsyncIterator, Iterator

import asyncpg
import pytest
from sqlalchemy import text

from engage_api.db import Query, open_database
from engage_api.db.postgres import Postgres
from engage_api.db.sequencer import Sequencer
from tests import servers
from tests.conftest import migrate

TABLES = """
    SELECT c.relname, c.relrowsecurity AS walled,
           array_agg(p.polroles::regrole[]::text || coalesce(pg_get_expr(p.polqual, p.polrelid), '')) AS policies
    FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'workspace_id'
    LEFT JOIN pg_policy p ON p.polrelid = c.oid
    WHERE c.relkind = 'r' GROUP BY 1, 2 ORDER BY 1
"""


@pytest.fixture
def migrated_url(postgres_server: servers.Postgres) -> Iterator[str]:
    with postgres_server.clone(postgres_server.template("migrated", migrate)) as url:
        yield url


@pytest.fixture
async def database(migrated_url: str) -> AsyncIterator[Postgres]:
    opened = await open_database(migrated_url)
    assert isinstance(opened, Postgres)
    yield opened
    await opened.close()


async def test_every_table_of_a_workspace_is_walled(migrated_url: str) -> None:
    connection = await asyncpg.connect(migrated_url)
    tables = await connection.fetch(TABLES)
    await connection.close()
    assert {"event", "counter"} <= {table["relname"] for table in tables}
    for table in tables:
        assert table["walled"], table["relname"]
        said = " ".join(sorted(table["policies"]))
        assert "{engage_app}" in said, table["relname"]
        assert "current_setting('app.workspace'" in said, table["relname"]


async def test_the_sequencer_may_do_its_work(database: Postgres) -> None:
    assert await Sequencer(database).run_once() == 2, "the operator's organization and application"
    async with database.system.write(None) as tx:
        assert await tx.fetch(Query(text("SELECT workspace_id, last FROM counter FOR UPDATE"))) == [("live", 2)]
