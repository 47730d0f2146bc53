"""Organizations and applications of a database of before are resources afterwards, as if they had been made so."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import text

from engage_api.access.applications.models import APPLICATION
from engage_api.access.organizations.models import ORGANIZATION
from engage_api.access.sandboxes.models import SANDBOX
from engage_api.db import Query, open_database, world
from engage_api.db.errors import Conflict
from engage_api.db.migrate import upgrade
from engage_api.db.sequencer import Sequencer
from tests import servers
from tests.proof.divergence import divergences, stored

MIGRATIONS = Path(__file__).parents[2] / "migrations"
ROWS = (
    """INSERT INTO organization (id, kind, name, state, created_at)
    VALUES ('org_old', 'partner', 'Bakkerij Zoë', 'suspended', '2026-11-01T12:00:00.123456Z')""",
    """INSERT INTO application (id, organization_id, name, state, created_at)
    VALUES ('app_old', 'org_old', 'Old "one"', 'live', '2026-11-01T12:00:00.123456Z')""",
    """INSERT INTO workspace (id, kind, name, organization_id, created_at)
    VALUES ('sbx_old', 'sandbox', 'Old', 'org_old', '2026-11-01T12:00:00.123456Z')""",
)
OF_NOBODY = """INSERT INTO workspace (id, kind, name, organization_id, created_at)
    SELECT 'x', kind, name, 'org_no', created_at FROM workspace WHERE id = 'live'"""


def migrate(url: str, revision: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.set_main_option("sqlalchemy.url", url.replace("%", "%%"))
    command.upgrade(config, revision)


@pytest.fixture(params=["sqlite", "postgresql"])
def old_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database of the first revision, without a row but those that it makes."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path / 'old.db'}"
        migrate(url, "0001")
        yield url
        return
    server: servers.Postgres = request.getfixturevalue("postgres_server")
    with server.clone(server.template("first_revision", lambda url: migrate(url, "0001"))) as url:
        yield url


@pytest.fixture
def filled_url(old_url: str) -> str:
    import asyncio  # noqa: PLC0415  # the migration wants no running loop

    async def fill() -> None:
        database = await open_database(old_url)
        async with database.system.write(None) as tx:
            for row in ROWS:
                await tx.run(Query(text(row)))
        await database.close()

    asyncio.run(fill())
    upgrade(old_url)
    return old_url


async def test_they_are_resources(filled_url: str) -> None:
    database = await open_database(filled_url)
    try:
        if database.dialect == "postgresql":
            assert await Sequencer(database).run_once() == 5
        found = await stored(database)
        assert divergences(found) == []
        rows = {row.id: kind.read(row.document) for kind, row in found.resources}
        assert rows.keys() == {"org_operator", "org_old", "app_operator", "app_old", "sbx_old"}
        assert {kind for kind, _ in found.resources} == {ORGANIZATION, APPLICATION, SANDBOX}
        old, program = rows["org_old"], rows["app_old"]
        assert (old.name, old.kind, old.state, old.plan) == ("Bakkerij Zoë", "partner", "suspended", "developer")
        assert old.created_at == datetime(2026, 11, 1, 12, 0, 0, 123_000, tzinfo=UTC)
        assert (program.name, program.organization_id, program.state) == ('Old "one"', "org_old", "live")
        assert program.granted_scopes == program.scopes
        assert program.live_client_id == "app_old.live"
        sandbox, made_by = rows["sbx_old"], {row.id: row.made_by for _, row in found.resources}
        assert (sandbox.name, sandbox.size, sandbox.state, sandbox.expires_at) == ("Old", "empty", "ready", None)
        assert made_by["sbx_old"] == "org_old"
        assert (await world.find(database, "sbx_old")).pace == 1
    finally:
        await database.close()


async def test_nothing_that_names_them_was_lost(filled_url: str) -> None:
    database = await open_database(filled_url)
    try:
        rows = await database.fetch(Query(text("SELECT id, organization_id FROM workspace ORDER BY id")), None)
        assert [tuple(row) for row in rows] == [("live", "org_operator"), ("sbx_old", "org_old")]
        with pytest.raises(Conflict):
            async with database.system.write(None) as tx:
                await tx.run(Query(text(OF_NOBODY)))
    finally:
        await database.close()
