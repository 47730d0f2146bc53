"""`engage worker`: a process of its own does every kind of job that the service has, mails among them."""

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from time import monotonic

import pytest
from sqlalchemy import select

from engage_api import beside
from engage_api.access.accounts import emails
from engage_api.db import Database, Query
from engage_api.jobs import Registry, Worker, enqueue
from engage_api.jobs.models import JobRow
from tests.accounts.smtp import mail_server
from tests.running import SECRET, Service, service
from tests.server.command import ENGAGE, PATIENCE, environment

JOBS = Query(select(JobRow.__table__))  # type: ignore[attr-defined]
PASSWORD = "a long way to Tipperary"


class Idle(Worker):
    """Notes what it could do, and does nothing."""

    known: Registry

    async def run(self, stop: asyncio.Event) -> None:
        Idle.known = self._registry
        await stop.wait()


@asynccontextmanager
async def worker(folder: Path, **settings: str) -> AsyncIterator[None]:
    """`engage worker`, until the block is left; it ends by itself then."""
    given = environment(folder, **settings)
    log = folder / "worker.log"
    with log.open("wb") as out:
        process = await asyncio.create_subprocess_exec(*ENGAGE, "worker", env=given, stdout=out, stderr=out)
    try:
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), 15) == 0, log.read_text()[-2000:]


async def test_a_worker_does_every_kind_of_job(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(beside, "Worker", Idle)
    async with mail_server() as server, service(database_url) as serving:
        await serving.services.accounts.sign_up(emails.read("ada@example.org"), "Ada", PASSWORD)
        await invite(serving, "grace@example.org")
        async with serving.db.system.write(None) as tx:
            made = [await enqueue(tx, kind, {"what": "no handler expects"}) for kind in Idle.known.kinds]
        given = {
            "ENGAGE_DATABASE_URL": database_url,
            "ENGAGE_SECRET_KEY": SECRET,
            "ENGAGE_SMTP_URL": f"smtp://127.0.0.1:{server.port}",
            "ENGAGE_MAIL_FROM": "no-reply@example.org",
            "ENGAGE_PUBLIC_URL": "https://engage.example.org",
        }
        async with worker(tmp_path, **given):
            start = monotonic()
            while (left := await untouched(serving.db, made)) or len(server.mails) < 2:
                assert monotonic() - start < PATIENCE, left
                await asyncio.sleep(0.1)
    assert len(made) >= 11
    assert all("https://engage.example.org/account/" in text for text in server.mails)
    assert {who for who in ("ada", "grace") for text in server.mails if f"To: {who}@" in text} == {"ada", "grace"}


async def invite(serving: Service, email: str) -> None:
    key = await serving.key()
    made = await serving.ask("POST", "/v1/organizations", {"name": "Another", "kind": "partner"}, key=key)
    path = f"/v1/organizations/{made.json['id']}/invitations"
    assert (await serving.ask("POST", path, {"email": email, "role": "owner"}, key=key)).status == 201


async def untouched(db: Database, made: list[str | None]) -> list[str]:
    """The kinds of which nobody has begun the job."""
    return [row.kind for row in await db.system.fetch(JOBS, None) if row.id in made and not row.attempts]
