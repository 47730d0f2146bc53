"""The other frameworks as subjects: their environment, their filled databases, their servers."""

import hashlib
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from benchmarks import sample
from benchmarks.places import DATA, ROOT, RUN
from benchmarks.servers import Server
from benchmarks.subjects import Api, Subject

LOCK = ROOT / "benchmarks" / "peers.lock"
VENV = ROOT / ".venv" / "peers"
PYTHON = VENV / "bin" / "python"
TOLD = ("django", "djangorestframework", "django-oauth-toolkit", "gunicorn", "litestar", "advanced-alchemy")


def line_up(customers: int, slow: dict[str, str] | None) -> list[Subject]:
    """Django and Litestar reading, Django creating, and Django creating on a slow disk if there can be one."""
    _install()
    django, litestar = DJANGO.filled(customers), LITESTAR.filled(customers)
    subjects = [django.subject("get", "page"), litestar.subject("get", "page"), django.subject("create")]
    if slow is not None:
        subjects.append(django.subject("create", how=", 2 ms", extra=slow))
    return subjects


def versions() -> dict[str, str]:
    """Of what took part."""
    program = "import sys, importlib.metadata as m; print(*map(m.version, sys.argv[1:]))"
    done = subprocess.run([PYTHON, "-c", program, *TOLD], capture_output=True, text=True, check=True)
    return dict(zip(TOLD, done.stdout.split(), strict=True))


@dataclass(frozen=True, slots=True)
class Peer:
    """A framework: the module that fills its database, the command that serves it, how its lists go on."""

    name: str
    fill: str
    serve: tuple[str, ...]
    following: Callable[[Any], str | None]
    items: str
    limits: bool

    def filled(self, customers: int) -> "Filled":
        """With its database: made anew when anything of it has changed."""
        digest = hashlib.blake2b(LOCK.read_bytes(), digest_size=5)
        for path in sorted(Path(__file__).parent.rglob("*.py")):
            digest.update(path.read_bytes())
        digest.update(Path(sample.__file__).read_bytes())
        home = DATA / f"{self.name.lower()}_{customers}_{digest.hexdigest()}"
        if not (home / "ids").is_file():
            for old in DATA.glob(f"{self.name.lower()}_{customers}_*"):
                shutil.rmtree(old)
            self._fill(home, customers)
        return Filled(self, home)

    def _fill(self, home: Path, customers: int) -> None:
        print(f"Filling {self.name} with {customers:,} customers …", flush=True)
        home.mkdir(parents=True)
        command = [str(PYTHON), "-m", self.fill, str(customers)]
        environment = {"PEER_DATABASE": str(home / "peer.db"), "PEER_SECRET": "filling"}
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(done.stderr)
        first, second, *ids = done.stdout.split()
        (home / "tokens").write_text(f"{first}\n{second}\n")
        (home / "ids").write_text("\n".join(ids) + "\n")


@dataclass(frozen=True, slots=True)
class Filled:
    """A framework with its database."""

    peer: Peer
    home: Path

    def subject(self, *works: str, how: str = "", extra: dict[str, str] | None = None) -> Subject:
        """A server for some works, on a copy of the database."""
        name = f"{self.peer.name} {' '.join(works)}{how.replace(',', '')}"
        file = RUN / f"{name.replace(' ', '-')}.db"
        environment = {"PEER_DATABASE": str(file), "PEER_SECRET": "nothing is signed with it", **(extra or {})}
        server = Server(name, [str(PYTHON), "-m", *self.peer.serve], environment)
        texts = {"get": "GET by id", "page": "page of 50", "create": "create"}
        names = {work: f"{self.peer.name}, {texts[work]}{how}" for work in works}
        return Subject(server, names, self._api(), lay=lambda: self._copy(file))

    def _copy(self, file: Path) -> None:
        for path in self.home.glob("peer.db*"):  # with what is still in the write-ahead log
            shutil.copy(path, file.with_name(path.name.replace("peer.db", file.name)))

    def _api(self) -> Api:
        token, limited_token = (self.home / "tokens").read_text().split()
        return Api(
            token=token,
            limited_token=limited_token if self.peer.limits else None,
            ids=self.home / "ids",
            path="/customers",
            body={**sample.flat(1), "external_id": "@@"},
            fields=16,
            following=self.peer.following,
            items=self.peer.items,
        )


def _following_django(answer: dict[str, Any] | None) -> str | None:
    if answer is None:
        return "/customers"
    parts = urlsplit(answer["next"] or "")
    return f"{parts.path}?{parts.query}" if parts.path else None


def _following_litestar(answer: dict[str, Any] | None) -> str | None:
    if answer is None:
        return "/customers"
    return f"/customers?cursor={quote(answer['cursor'])}" if answer["cursor"] else None


# One worker with two threads was its quickest way to write: while one waits for the disk, the other goes on.
GUNICORN = ("--bind", "127.0.0.1:{port}", "--workers", "1", "--worker-class", "gthread", "--threads", "2")
SITE = "benchmarks.peers.django_site"
DJANGO = Peer(
    "Django",
    f"{SITE}.fill",
    ("gunicorn", f"{SITE}.wsgi", *GUNICORN, "--keep-alive", "15", "--log-level", "warning"),
    _following_django,
    "results",
    limits=True,
)
LITESTAR = Peer(
    "Litestar",
    "benchmarks.peers.litestar_app",
    ("uvicorn", "benchmarks.peers.litestar_app:app", "--port", "{port}", "--no-access-log", "--log-level", "warning"),
    _following_litestar,
    "items",
    limits=False,
)


def _install() -> None:
    """Their environment, from the lock. Where an index is reached through pip's configuration, pip does the work."""
    done = VENV / ".lock"
    if done.is_file() and done.read_bytes() == LOCK.read_bytes():
        return
    print("Installing the other frameworks …", flush=True)
    subprocess.run([sys.executable, "-m", "venv", str(VENV)], check=True)
    lock = ["--quiet", "--require-hashes"]
    uv = [sys.executable, "-m", "uv", "pip", "sync", *lock, "--python", str(PYTHON), str(LOCK)]
    if subprocess.run(uv, capture_output=True, check=False).returncode:
        subprocess.run([PYTHON, "-m", "pip", "install", *lock, "--requirement", str(LOCK)], check=True)
    shutil.copy(LOCK, done)
