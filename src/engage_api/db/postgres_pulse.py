"""What other processes say to each other through PostgreSQL: NOTIFY in a transaction is heard after its commit."""

import asyncio
import contextlib
import logging
import os
import secrets
from collections.abc import Awaitable, Callable
from typing import Any, get_args

import asyncpg

from engage_api.db.engine import PATIENCE
from engage_api.db.errors import Unavailable
from engage_api.db.postgres_session import Session
from engage_api.db.pulse import SHARED, Ear, Pulse, Topic

CHANNEL = "engage"
NOTIFY = "SELECT pg_notify($1, $2)"
RETRY = 1.0  # seconds until a lost connection is opened again
STILL_THERE = 15.0  # seconds of silence after which the server is asked whether it is there
_BROKEN = (Unavailable, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError)

_log = logging.getLogger(__name__)


class Line:
    """This process's part of the channel. Its own words come back to it and are not heard twice."""

    def __init__(self, connect: Callable[[], Awaitable[Session]]) -> None:
        self._connect = connect
        self._me = f"{os.getpid()}-{secrets.token_hex(4)}"

    def words(self, topic: Topic) -> str:
        """What is sent; equal words of one transaction are one notification."""
        return f"{self._me} {topic}"

    async def listen(self, pulse: Pulse, stop: asyncio.Event) -> None:
        """One connection, opened again when it is lost. Until `stop`."""
        with pulse.hear(stop=stop) as ear:
            while not stop.is_set():
                try:
                    session = await self._connect()
                    try:
                        await self._stay(session.connection, pulse, ear, stop)
                    finally:
                        await _close(session.connection)
                except _BROKEN as error:
                    _log.warning("other processes are not heard, only looked for: %s", error)
                    await ear.wait(RETRY)

    async def _stay(self, connection: Any, pulse: Pulse, ear: Ear, stop: asyncio.Event) -> None:
        def heard(_connection: object, _process: object, _channel: object, words: str) -> None:
            who, _, topic = words.partition(" ")
            if who != self._me and topic in get_args(Topic):
                pulse.ring(topic)  # type: ignore[arg-type]  # it is one of them

        connection.add_termination_listener(lambda _: ear.ring())
        await connection.add_listener(CHANNEL, heard)
        pulse.ring(*SHARED)  # for what was said while nobody was connected
        while not stop.is_set():
            if connection.is_closed():
                raise Unavailable("the connection was lost")
            if not await ear.wait(STILL_THERE):
                await connection.fetchval("SELECT 1", timeout=PATIENCE)


async def _close(connection: Any) -> None:
    with contextlib.suppress(*_BROKEN):
        await connection.close(timeout=1)
    connection.terminate()
