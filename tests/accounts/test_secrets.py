"""What stays secret: nothing that opens an account is kept or logged, and `engage_app` has no right to people."""

import io
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest
import structlog
from sqlalchemy import select

from engage_api.access.accounts.letters import KIND, Wanted, Writer
from engage_api.access.accounts.mail import Outbox, Smtp
from engage_api.access.accounts.models import AccountRow, AccountSessionRow, AccountTokenRow
from engage_api.db.engine import Database
from engage_api.db.sql import Query
from engage_api.jobs import Job, Limits
from engage_api.jobs.models import JobRow
from tests import running
from tests.accounts.browsing import ANOTHER, LINK, PASSWORD, Town
from tests.accounts.conftest import cheap
from tests.accounts.smtp import mail_server
from tests.api.harness import eventually

TABLES = [Query(select(row.__table__)) for row in (AccountRow, AccountTokenRow, AccountSessionRow, JobRow)]  # type: ignore[union-attr]


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    """What is logged, with what an accident tells."""
    stream, before = io.StringIO(), structlog.get_config()
    structlog.configure(
        processors=[structlog.processors.format_exc_info, structlog.processors.JSONRenderer()],
        logger_factory=structlog.PrintLoggerFactory(stream),
        cache_logger_on_first_use=False,
    )
    yield stream
    structlog.configure(**before)


async def test_no_secret_is_logged_or_kept(
    database_url: str, tmp_path: Path, lines: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In production, with a mail server that says no, and an accident."""
    async with mail_server(refuses={"RCPT": "451 later, ada.lovelace"}, extensions=("AUTH PLAIN",)) as server:
        smtp = f"smtp://us%40er:p4ss@127.0.0.1:{server.port}"
        given = {"environment": "production", "smtp_url": smtp, "mail_from": "no-reply@example.org"}
        async with running.service(
            database_url, **given, data_dir=tmp_path, public_url="https://engage.test"
        ) as service:
            town = Town(service, "https://engage.test")
            town.accounts.passwords._make = cheap
            browser, email = town.browser(), "ada.lovelace@example.org"
            await browser.fill("/account/sign-up", name="Ada", email=email, password=PASSWORD)
            await eventually(lambda: _said(lines, "job failed"))
            waiting = await _kept(town.accounts.db)
            assert isinstance(town.accounts.post, Smtp)
            link = await _link(town, email)
            await browser.fill(link, password=PASSWORD)
            await town.browser().sign_in(email, ANOTHER)
            await browser.get(f"{link}x")
            monkeypatch.setattr(type(town.accounts), "sessions", _broken)
            assert (await browser.get("/account")).status_code == 500
            kept = await _kept(town.accounts.db)
    told = lines.getvalue() + service.log.getvalue()
    assert "an accident" in told
    assert '"path":"/account/confirm"' in told
    secrets = [PASSWORD, ANOTHER, link.partition("=")[2], *dict(browser.cookies).values(), "p4ss"]
    assert len(secrets) == 6
    found = [secret for secret in secrets for place in (told, kept, waiting) if secret in place]
    assert found == []
    assert "ada.lovelace" not in told
    assert email in waiting  # the job that waits says for whom


async def test_what_is_looked_through_would_show_a_secret(town: Town) -> None:
    email = await town.person()
    assert "$argon2id$" in await _kept(town.accounts.db)
    assert email in await _kept(town.accounts.db)


@pytest.mark.parametrize("table", ["account", "account_token", "account_session"])
@pytest.mark.parametrize("right", ["SELECT", "INSERT", "UPDATE", "DELETE"])
async def test_requests_have_no_right_to_people(postgres_url: str, table: str, right: str) -> None:
    connection = await asyncpg.connect(postgres_url)
    try:
        for role, may in (("engage_app", False), ("engage_system", True)):
            assert await connection.fetchval("SELECT has_table_privilege($1, $2, $3)", role, table, right) is may
    finally:
        await connection.close()


async def _broken(*_: object) -> None:
    raise RuntimeError("an accident")


async def _said(lines: io.StringIO, words: str) -> bool | None:
    return words in lines.getvalue() or None


async def _link(town: Town, email: str) -> str:
    """As the job makes it, which waits for the mail server."""
    outbox = Outbox()
    job = Job("job_1", None, KIND, Wanted(about="sign-up", to=email), 1, 1, Limits())
    await Writer(outbox, town.base_url, town.accounts.pepper).deliver(town.accounts.db, job)
    found: str = LINK.findall(outbox.mails[0].mail.text)[0]
    return found.removeprefix(town.base_url)


async def _kept(db: Database) -> str:
    """Everything that the tables hold, as text."""
    return "\n".join([str(row) for query in TABLES for row in await db.system.fetch(query, None)])
