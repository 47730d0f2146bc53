"""Serving: migrate, in development make the demo ready, then run uvicorn."""

import asyncio
import errno
import gc
import os
import signal
from typing import Any

import typer
import uvicorn
from starlette.types import ASGIApp

from engage_api import beside, logs
from engage_api.access import seal
from engage_api.access.accounts.service import Accounts
from engage_api.app import create_app
from engage_api.core.secret import derive
from engage_api.db import open_database
from engage_api.db.migrate import upgrade
from engage_api.events.webhooks.sender import Sender
from engage_api.http.protocol import Protocol
from engage_api.sandbox import demo
from engage_api.settings import Misconfigured, Settings

GRACE = 8  # seconds for requests that are being answered when the service is told to stop
PROCESSES = "ENGAGE_PROCESSES"  # tells a worker process how many there are


def serve(settings: Settings, workers: int) -> None:
    """Serve until told to stop. Several workers share the port and the database.

    Raises:
        Misconfigured: it cannot listen there, and nothing has been changed by then; or the secret is not the one of the
            database.
    """
    asyncio.run(_require_port(settings.host, settings.port))
    logs.configure(settings.log_level)
    upgrade(settings.owner_database)
    if said := asyncio.run(_prepared(settings)):
        typer.echo(said, color=False)
    options: dict[str, Any] = {
        "host": settings.host,
        "port": settings.port,
        "http": Protocol,
        "ws": "none",
        "access_log": False,
        "log_level": settings.log_level,
        "server_header": False,
        "date_header": True,
        "proxy_headers": bool(settings.trusted_proxies),
        "forwarded_allow_ips": ",".join(settings.trusted_proxies),
        "timeout_graceful_shutdown": GRACE,
        "timeout_keep_alive": 15,
    }
    if workers == 1:
        app = create_app(settings)
        _collect_seldom()
        uvicorn.run(app, **options)
        return
    os.environ.update({"ENGAGE_HOST": settings.host, "ENGAGE_PORT": str(settings.port), PROCESSES: str(workers)})
    uvicorn.run("engage_api.server:worker_app", factory=True, workers=workers, **options)


async def _require_port(host: str, port: int) -> None:
    try:
        (await asyncio.get_running_loop().create_server(asyncio.Protocol, host, port)).close()
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise Misconfigured(f"cannot listen on {host}, port {port}: {error.strerror}") from None
        another = "make run PORT=" if os.environ.get("MAKELEVEL") else "engage serve --port "
        raise Misconfigured(f"Port {port} is in use. Another: {another}{port + 1}") from None


def work(settings: Settings) -> None:
    """Run jobs until told to stop. On PostgreSQL events are numbered here too.

    Raises:
        Misconfigured: the secret is not the one of the database.
    """
    logs.configure(settings.log_level)
    upgrade(settings.owner_database)
    asyncio.run(_work(settings))


async def _work(settings: Settings) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    db = await open_database(settings.database, group_commit=settings.group_commit)
    accounts, sender = Accounts.open(settings, db), Sender.open(settings)
    _collect_seldom()
    try:
        await seal.require_same(db, settings.secret())
        await asyncio.gather(*beside.runs(db, beside.kinds(accounts, sender, settings.kept), stop))
    finally:
        accounts.close()
        await db.close()


def worker_app() -> ASGIApp:
    """The application in one of several processes; its settings come from the environment."""
    settings = Settings()
    logs.configure(settings.log_level)
    app = create_app(settings, processes=int(os.environ[PROCESSES]))
    _collect_seldom()
    return app


def _collect_seldom() -> None:
    """Looking through all that is there by now would make everybody wait for 50 ms, now and then. Hardly anything that
    is made later ends in a circle, so to look for it after 20,000 objects is soon enough; after 700 it takes a
    twentieth of the time of whatever makes many.
    """
    gc.freeze()
    gc.set_threshold(20_000, 5, 100)


async def _prepared(settings: Settings) -> str:
    """What to say before serving: in development a request that works, with a new key for the demo sandbox, the only
    secret that is ever printed, and where to look.
    """
    db = await open_database(settings.database)
    try:
        await seal.require_same(db, settings.secret())
        if settings.environment == "production":
            return ""
        key = await demo.prepare(db, derive(settings.secret(), "api-keys"))
    finally:
        await db.close()
    request = f'curl -s -H "Authorization: Bearer {key.reveal()}" {settings.base_url}/v1/customers'
    return f"{request}\nPortal {settings.base_url}/  Explorer {settings.base_url}/reference  Ctrl-C stops it."
