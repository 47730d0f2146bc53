"""Which connection serves whom: a plain list, last used first, and each at the wall it was last used for."""

import asyncio
from collections import deque
from time import monotonic

from engage_api.db.engine import PATIENCE
from engage_api.db.errors import Unavailable
from engage_api.db.postgres_session import LOST, SET_WALL, Session, is_lost, open_session, surface

SILENCE = PATIENCE + 1  # seconds for one statement; the server would have ended it before

Waiter = tuple["asyncio.Future[None]", float]  # and the time until which it waits


class Checkout:
    """At most `size` connections as one role; asyncpg's own pool costs as much again as a read by id.

    A connection keeps the workspace that it was last used for (`app.workspace`, which row-level security compares).
    Whoever asks gets one that is there already, or else one that is set to theirs first. This is the only door, so none
    is ever handed out under a foreign wall; one whose setting failed or was cancelled is dropped, for nobody knows
    where it stands.

    The server ends what takes too long (`statement_timeout`). For one that says nothing any more, a look every second
    closes what is in use beyond its time: a timer for each statement, as asyncpg has it, costs a fifth of a read by id.
    """

    def __init__(self, url: str, role: str, size: int) -> None:
        self._url = url
        self._role = role
        self._left = size
        self._idle: list[Session] = []
        self._busy: set[Session] = set()
        self._look: asyncio.TimerHandle | None = None
        self._waiting: deque[Waiter] = deque()
        self._closed = False

    def ready(self, wall: str) -> Session | None:
        """One that is idle at this wall, with nothing to wait for."""
        idle = self._idle
        if self._left:
            for at in range(len(idle) - 1, -1, -1):
                if idle[at].wall == wall:
                    self._left -= 1
                    return self._watched(idle.pop(at))
        return None

    async def take(self, wall: str) -> Session:
        """One at this wall. Unavailable when none comes free in time or the server does not let us in."""
        if self._left:
            self._left -= 1
        else:
            await self._wait()
        try:
            return await self._at(wall)
        except BaseException:
            self._release()
            raise

    async def replace(self, session: Session) -> Session:
        """A new connection for one that is dead. Not another idle one: they may be dead together."""
        session.connection.terminate()
        fresh = await open_session(self._url, self._role, session.wall)
        self._busy.discard(session)
        return self._watched(fresh)

    def give(self, session: Session) -> None:
        """Back to the list, unless it is closed or was left inside a transaction."""
        connection = session.connection
        self._busy.discard(session)
        if self._closed or connection.is_closed() or connection.is_in_transaction():
            connection.terminate()
        else:
            self._idle.append(session)
        self._release()

    async def close(self) -> None:
        """Closes what is idle; a connection in use goes when it is given back."""
        self._closed = True
        if self._look is not None:
            self._look.cancel()
        while self._idle:
            session = self._idle.pop()
            try:
                await session.connection.close(timeout=1)
            except (TimeoutError, *LOST):
                session.connection.terminate()

    async def _at(self, wall: str) -> Session:
        if self._closed:
            raise Unavailable("the database is closed")
        while self._idle:
            session = next((one for one in reversed(self._idle) if one.wall == wall), None)
            if session is None:
                session = self._idle[0]  # unused for longest: the others' walls may be asked for again soon
            self._idle.remove(session)
            if not session.connection.is_closed() and await self._moved(self._watched(session), wall):
                return session
        return self._watched(await open_session(self._url, self._role, wall))

    def _watched(self, session: Session) -> Session:
        session.until = monotonic() + SILENCE
        self._busy.add(session)
        if self._look is None:
            self._look = asyncio.get_running_loop().call_later(1, self._end_silence)
        return session

    def _end_silence(self) -> None:
        now = monotonic()
        for session in self._busy:
            if session.until < now:
                session.silent = True
                session.connection.terminate()
        self._look = asyncio.get_running_loop().call_later(1, self._end_silence) if self._busy else None

    async def _moved(self, session: Session, wall: str) -> bool:
        """Whether it stands at this wall now."""
        if session.wall == wall:
            return True
        try:
            await session.connection.fetchval(SET_WALL, wall)
        except BaseException as error:  # noqa: BLE001  # `surface` raises it again
            self._busy.discard(session)
            session.connection.terminate()
            if is_lost(error, session):
                return False
            surface(error, session)
        session.wall = wall
        return True

    async def _wait(self) -> None:
        """First come, first served. No timer: whoever gives back tells those who have waited too long."""
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append((turn, monotonic() + PATIENCE))
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled() and turn.exception() is None:
                self._release()  # the turn came and the caller went in the same moment
            raise

    def _release(self) -> None:
        while self._waiting:
            turn, until = self._waiting.popleft()
            if turn.done():
                continue
            if monotonic() < until:
                turn.set_result(None)
                return
            turn.set_exception(Unavailable(f"no connection came free within {PATIENCE:g} s"))
        self._left += 1
