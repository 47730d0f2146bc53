"""The floors and the service itself, in every way in which it is measured."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass

from benchmarks import sample
from benchmarks.datasets import Dataset
from benchmarks.places import RUN
from benchmarks.postgres import Cluster
from benchmarks.servers import Server
from benchmarks.subjects import Api, Subject, python

BARE = "bare route"
UVICORN = ("--port", "{port}", "--no-access-log", "--no-server-header", "--log-level", "warning")


def floors() -> list[Subject]:
    """What does nothing, and the route that everything is a ratio of."""
    raw = Server("raw", python("uvicorn", "benchmarks.floor:raw", *UVICORN))
    bare = Server("bare", python("uvicorn", "benchmarks.floor:bare", *UVICORN))
    return [Subject(raw, {"constant": "raw ASGI"}), Subject(bare, {"constant": BARE}, constant="/customer")]


@dataclass(frozen=True, slots=True)
class Place:
    """A database to be: its address, and what makes it."""

    url: str
    lay: Callable[[], object]


@dataclass(frozen=True, slots=True)
class Ours:
    """The service on one database: `made` is what it was filled with, `name` how the database is called in names."""

    name: str
    made: Dataset

    def reading(self, place: Place) -> list[Subject]:
        """By id and by page; then again with a guard that trusts no token for any time."""
        works = {"get": f"GET by id, {self.name}", "page": f"page of 50, {self.name}"}
        uncached = {work: f"{name}, uncached token" for work, name in works.items()}
        forgetful = self._server("reads uncached", place, module="benchmarks.uncached")
        return [
            Subject(self._server("reads", place), works, self._api(), lay=place.lay),
            Subject(forgetful, uncached, self._api()),
        ]

    def creating(self, place: Place, how: str = "", extra: dict[str, str] | None = None) -> Subject:
        """Creates; `how` names what is special, `extra` is the environment that makes it so."""
        server = self._server(f"creates{how.replace(',', '')}", place, extra=extra)
        return Subject(server, {"create": f"create, {self.name}{how}"}, self._api(), lay=place.lay)

    def _server(
        self, name: str, place: Place, module: str = "engage_api", extra: dict[str, str] | None = None
    ) -> Server:
        environment = {
            "ENGAGE_ENVIRONMENT": "production",
            "ENGAGE_SECRET_KEY": self.made.secret,
            "ENGAGE_DATABASE_URL": place.url,
            "ENGAGE_DATA_DIR": str(RUN),
        }
        command = python(module, "serve", "--port", "{port}")
        return Server(f"{self.name} {name}", command, {**environment, **(extra or {})})

    def _api(self) -> Api:
        return Api(
            token=self.made.key,
            limited_token=self.made.limited_key,
            ids=self.made.ids,
            path="/v1/customers",
            body={**sample.ours(1), "externalId": "@@"},
            fields=15,
            following=following,
            keyed=True,
        )


def on_sqlite(made: Dataset, slow: dict[str, str] | None) -> list[Subject]:
    """The service on SQLite; `slow` is the environment of a slow disk, if there can be one."""
    ours = Ours("SQLite", made)
    alone = {"ENGAGE_GROUP_COMMIT": "false"}

    def place(name: str) -> Place:
        return Place(f"sqlite:///{RUN / name}.db", lambda: shutil.copy(made.place, RUN / f"{name}.db"))

    subjects = [
        *ours.reading(place("read")),
        ours.creating(place("create")),
        ours.creating(place("alone"), ", no group commit", alone),
    ]
    if slow is not None:
        subjects += [
            ours.creating(place("slow"), ", 2 ms", slow),
            ours.creating(place("slow-alone"), ", no group commit, 2 ms", slow | alone),
        ]
    return subjects


def on_postgresql(made: Dataset, cluster: Cluster) -> list[Subject]:
    """The service on PostgreSQL."""
    ours = Ours("PostgreSQL", made)

    def place(name: str, *, slow: bool = False) -> Place:
        return Place(cluster.url(name), lambda: cluster.create(name, made.place, slow=slow))

    return [
        *ours.reading(place("bench_read")),
        ours.creating(place("bench_create")),
        ours.creating(place("bench_slow", slow=True), ", 2 ms"),
    ]


def following(answer: dict[str, str | None] | None) -> str | None:
    """The path of the page after this one, or of the first."""
    first = "/v1/customers?limit=50"
    if answer is None:
        return first
    return f"{first}&cursor={answer['nextCursor']}" if answer["nextCursor"] else None
