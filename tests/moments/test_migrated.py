"""What is due in a database of before is found after the migration, also what has passed already."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, select

from engage_api.access.applications.models import OPERATOR
from engage_api.access.applications.secret_models import CLIENT_SECRET, ClientSecretCreate
from engage_api.access.models import API_KEY, ApiKeyCreate
from engage_api.access.worlds import LIVE, USUAL_PLAN
from engage_api.cases.models import CASE, CaseReplace
from engage_api.cases.service import fresh
from engage_api.cases.tasks.models import TASK, TaskCreate
from engage_api.core import clock
from engage_api.core.scopes import Scope
from engage_api.db import Query, open_database
from engage_api.db.kind import Kind
from engage_api.db.migrate import upgrade
from engage_api.jobs import moments
from engage_api.offers.models import OFFER, OfferCreate
from tests import servers
from tests.db.test_parties_migrated import migrate
from tests.moments.story import faults, told, who

BEFORE = "0012"
MADE, AGO, AHEAD = (datetime(year, 1, 5, 17, tzinfo=UTC) for year in (2025, 2026, 2126))
NEW = (b',"overdueAt":null', b',"expiredAt":null')
PARTY = {"application_id": OPERATOR, "plan": USUAL_PLAN, "organization_id": "org_operator", "hint": "…"}
OWN: dict[str, dict[str, Any]] = {
    "case": {**dict(CaseReplace(type="permit", title="Dormer")), **fresh(), "received_at": MADE},
    "task": {
        **dict(TaskCreate(title="Check")),
        **dict.fromkeys(("state_reason", "result", "started_at", "completed_at")),
        "case_id": "cas_over",
    },
    "offer": dict(OfferCreate(title="Check")),
    "api-key": {**dict(ApiKeyCreate(name="Night", scopes=[Scope.CASES_READ])), **PARTY, "replaced_by": None},
    "client-secret": {**dict(ClientSecretCreate(environment="live")), **PARTY},
}
ROWS: dict[Kind[Any], dict[str, dict[str, Any]]] = {
    CASE: {
        "cas_over": {"due_at": AGO, "state": "waiting"},
        "cas_ahead": {"due_at": AHEAD},
        "cas_done": {"due_at": AGO, "state": "delivered"},
        "cas_free": {},
    },
    TASK: {
        "tsk_over": {"due_at": AGO, "state": "failed"},
        "tsk_ahead": {"due_at": AHEAD, "state": "available"},
        "tsk_done": {"due_at": AGO, "state": "skipped"},
    },
    OFFER: {
        "off_over": {"valid_until": AGO, "state": "active"},
        "off_ever": {"state": "active"},
        "off_draft": {"valid_until": AGO, "state": "draft"},
    },
    API_KEY: {"key_over": {"expires_at": AGO}, "key_ahead": {"expires_at": AHEAD}, "key_ever": {}},
    CLIENT_SECRET: {"sec_over": {"expires_at": AGO}, "sec_ever": {}},
}


@pytest.fixture(params=["sqlite", "postgresql"])
def old_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path / 'old.db'}"
        migrate(url, BEFORE)
        yield url
        return
    server: servers.Postgres = request.getfixturevalue("postgres_server")
    with server.clone(server.template("before_moments", lambda url: migrate(url, BEFORE))) as url:
        yield url


async def fill(url: str) -> None:
    """Rows as they were: without the column, their documents without the new members."""
    database = await open_database(url)
    async with database.system.write(None) as tx:
        for kind, rows in ROWS.items():
            for row_id, fields in rows.items():
                common = {"id": row_id, "created_at": MADE, "updated_at": MADE, "version": 1}
                model = kind.public.model_construct(**{**OWN[kind.name], **fields, **common})
                document = kind.render(model)
                for member in NEW:
                    document = document.replace(member, b"")
                values = {**kind.columns(model), **common, "workspace_id": LIVE, "made_by": OPERATOR}
                values |= {"rendered": 1, "document": document}
                del values["moment_at"]
                await tx.run(Query(insert(kind.table), list(values)), **values)
    await database.close()


@pytest.fixture
def url(old_url: str) -> str:
    asyncio.run(fill(old_url))  # the migration wants no running loop
    upgrade(old_url)
    return old_url


async def test_what_is_due_is_found_and_told_once(url: str) -> None:
    database = await open_database(url)
    try:
        for kind, made in ROWS.items():
            rows = await database.system.fetch(Query(select(kind.table)), None)
            found = {row.id: row.moment_at for row in rows if row.id in made}
            assert found == {row.id: kind.moment(kind.read(row.document)) for row in rows if row.id in found}  # type: ignore[misc]  # it has one
        for _ in range(2):
            await moments.play(database, LIVE, clock.host(), seconds=60)
        events = await told(database, who(LIVE))
        assert faults(events, {"cas_over", "tsk_over", "off_over", "key_over", "sec_over"}) == []
        assert {event.time for event in events} == {AGO}, "when it happened"
    finally:
        await database.close()
