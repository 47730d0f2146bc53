"""Where the time of a request goes: the whole service in this process, no socket, cProfile around it."""

import asyncio
import cProfile
import gc
import itertools
import json
import os
import pstats
import random
import shutil
import time
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager, redirect_stderr
from enum import StrEnum

import uvloop
from starlette.types import ASGIApp, Message, Scope

from benchmarks import datasets, floor, sample
from benchmarks.places import HOME, RUN
from benchmarks.postgres import cluster
from benchmarks.subjects import WRITERS

Request = tuple[Scope, bytes]
TIMES = 5  # rounds before the profile; the quickest is told


class Work(StrEnum):
    """What is asked."""

    GET = "get"
    PAGE = "page"
    CREATE = "create"


class Engine(StrEnum):
    """Of which database."""

    SQLITE = "sqlite"
    POSTGRESQL = "postgresql"


def profile(work: Work, engine: Engine, requests: int, customers: int) -> None:
    """Print what a request costs, beside the bare route, and the functions that take most of it."""
    RUN.mkdir(parents=True, exist_ok=True)
    if engine is Engine.SQLITE:
        made = datasets.sqlite(customers)
        copy = shutil.copy(made.place, RUN / "profile.db")
        _serve(made, f"sqlite:///{copy}", work, requests)
        return
    with cluster() as server:
        made = datasets.postgresql(server, customers)
        _serve(made, server.create("profile", made.place), work, requests)
        server.drop("profile")


def _serve(made: datasets.Dataset, url: str, work: Work, requests: int) -> None:
    os.environ.update(
        ENGAGE_ENVIRONMENT="production",
        ENGAGE_SECRET_KEY=made.secret,
        ENGAGE_DATABASE_URL=url,
        ENGAGE_DATA_DIR=str(HOME),
    )
    from engage_api.app import create_app  # noqa: PLC0415  # reads the environment
    from engage_api.settings import Settings  # noqa: PLC0415  # as above

    with (RUN / "profile.log").open("w") as log, redirect_stderr(log):  # the request log's
        app = create_app(Settings())
        uvloop.run(_measure(app, made, work, requests))


async def _measure(app: ASGIApp, made: datasets.Dataset, work: Work, requests: int) -> None:
    async with _running(app):
        asked, callers = await _requests(app, made, work), WRITERS if work is Work.CREATE else 1
        await _ask(app, itertools.islice(asked, 200))
        bare, cost = await _costs(app, asked, requests, callers)
        print(
            f"Processor time without a socket: bare route {bare:.1f} µs, {work} {cost:.1f} µs, ratio {bare / cost:.2f}"
        )
        profiler = cProfile.Profile()
        chosen = list(itertools.islice(asked, requests))
        profiler.enable()
        await _ask(app, chosen, callers)
        profiler.disable()
    stats = pstats.Stats(profiler)
    for order in ("tottime", "cumulative"):
        stats.sort_stats(order).print_stats(45)


@asynccontextmanager
async def _running(app: ASGIApp) -> AsyncIterator[None]:
    """Starts and ends it, as a server would (ASGI lifespan)."""
    inbox: asyncio.Queue[Message] = asyncio.Queue()
    outbox: asyncio.Queue[Message] = asyncio.Queue()
    task = asyncio.ensure_future(app({"type": "lifespan", "asgi": {"version": "3.0"}}, inbox.get, outbox.put))
    await inbox.put({"type": "lifespan.startup"})
    said = await outbox.get()
    assert said["type"] == "lifespan.startup.complete", said
    try:
        yield
    finally:
        await inbox.put({"type": "lifespan.shutdown"})
        await outbox.get()
        await task


async def _requests(app: ASGIApp, made: datasets.Dataset, work: Work) -> Iterator[Request]:
    own = {"authorization": f"Bearer {made.key}"}
    if work is Work.CREATE:
        return (_create(number, own) for number in itertools.count(time.time_ns()))
    if work is Work.GET:
        paths = [f"/v1/customers/{line}" for line in made.ids.read_text().split()]
        return (_request("GET", random.choice(paths), own) for _ in itertools.count())
    cursors = await _cursors(app, own)
    return (_request("GET", "/v1/customers", own, random.choice(cursors)) for _ in itertools.count())


async def _cursors(app: ASGIApp, own: dict[str, str]) -> list[str]:
    found, query = [], "limit=50"
    for _ in range(50):
        _, body = await _answer(app, _request("GET", "/v1/customers", own, query))
        query = f"limit=50&cursor={json.loads(body)['nextCursor']}"
        found.append(query)
    return found


def _create(number: int, own: dict[str, str]) -> Request:
    headers = {**own, "idempotency-key": str(number), "content-type": "application/json"}
    scope, _ = _request("POST", "/v1/customers", headers)
    return scope, json.dumps({**sample.ours(1), "externalId": f"profile:{number}"}).encode()


def _request(method: str, path: str, headers: dict[str, str], query: str = "") -> Request:
    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": [(b"host", b"127.0.0.1"), *((n.encode(), v.encode()) for n, v in headers.items())],
        "client": ("127.0.0.1", 50000),
        "server": ("127.0.0.1", 8000),
    }
    return scope, b""


async def _answer(app: ASGIApp, request: Request) -> tuple[int, bytes]:
    scope, sent = request
    got: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": sent, "more_body": False}

    async def send(message: Message) -> None:  # ASGI wants it so
        got.append(message)

    await app({**scope, "state": {}}, receive, send)
    return got[0]["status"], got[1].get("body", b"")


async def _ask(app: ASGIApp, asked: Iterable[Request], callers: int = 1) -> None:
    """All of these, by so many callers at once, none of whom asks before the last answer has come."""
    left = iter(asked)

    async def call() -> None:
        for request in left:
            status, body = await _answer(app, request)
            assert status in {200, 201}, (status, body)

    await asyncio.gather(*(call() for _ in range(callers)))


async def _costs(app: ASGIApp, asked: Iterator[Request], count: int, callers: int) -> tuple[float, float]:
    """Microseconds of processor time for a request to the bare route and to the service, each of its quickest round."""
    constant = itertools.repeat(_request("GET", "/customer", {}))
    rounds = [(await _cost(floor.bare, constant, count), await _cost(app, asked, count, callers)) for _ in range(TIMES)]
    bare, own = zip(*rounds, strict=True)
    return min(bare), min(own)


async def _cost(app: ASGIApp, asked: Iterator[Request], count: int, callers: int = 1) -> float:
    chosen = list(itertools.islice(asked, count))
    gc.collect()
    began = time.process_time()
    await _ask(app, chosen, callers)
    return (time.process_time() - began) / count * 1e6
