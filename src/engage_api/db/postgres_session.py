"""One connection to PostgreSQL: how it is opened, when it is lost, what its errors mean."""

from dataclasses import dataclass, field
from time import monotonic
from typing import Any, NoReturn

import asyncpg

from engage_api.db.engine import PATIENCE
from engage_api.db.errors import Conflict, Unavailable

SETTINGS = {
    "application_name": "engage",
    "statement_timeout": f"{PATIENCE * 1000:.0f}",
    "lock_timeout": f"{PATIENCE * 1000:.0f}",
    "idle_in_transaction_session_timeout": f"{PATIENCE * 2000:.0f}",
    "jit": "off",  # compiling costs more than any of our statements
}
# The connection is gone or going; the statement may be asked again on another.
LOST = (
    asyncpg.PostgresConnectionError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.CannotConnectNowError,
    asyncpg.IdleSessionTimeoutError,
    asyncpg.InternalClientError,  # the server has said goodbye and the end of the stream is on its way
    ConnectionError,
)
# Not the caller's fault, and it may pass.
TROUBLE = (
    *LOST,
    asyncpg.OperatorInterventionError,  # statement_timeout, shutdown
    asyncpg.InsufficientResourcesError,  # too many connections, disk full, out of memory
    asyncpg.TransactionRollbackError,  # deadlock, serialization
    asyncpg.LockNotAvailableError,
    asyncpg.PostgresSystemError,  # I/O
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.ReadOnlySQLTransactionError,  # a standby, for now
    asyncpg.InvalidCachedStatementError,  # a migration changed the table meanwhile
    OSError,  # TimeoutError is one
)
SET_WALL = "SELECT set_config('app.workspace', $1, false)"


@dataclass(slots=True, eq=False)
class Session:
    """A connection and the wall that it stands at ("" sees no workspace).

    `until`: when whoever has it must be done; `silent`: it was closed because the server had said nothing until then;
    `planned`: when it began to think of how to look things up.
    """

    connection: Any
    wall: str
    until: float = 0.0
    silent: bool = False
    planned: float = field(default_factory=monotonic)


async def open_session(url: str, role: str, wall: str) -> Session:
    """A new connection as `role`, at its wall from the start. Unavailable when the server does not let us in."""
    settings = SETTINGS | {"role": role, "app.workspace": wall}
    try:
        connection = await asyncpg.connect(
            url,
            timeout=PATIENCE,
            server_settings=settings,
            statement_cache_size=512,
            max_cached_statement_lifetime=0,
        )
    except (asyncpg.PostgresError, OSError) as error:  # whatever the server says, it is not the caller's fault
        raise Unavailable(f"cannot connect: {error}") from error
    return Session(connection, wall)


def is_lost(error: BaseException, session: Session) -> bool:
    """Whether the connection broke, so that asking on another may help."""
    if session.silent:
        return False
    return isinstance(error, LOST) or (isinstance(error, asyncpg.InterfaceError) and session.connection.is_closed())


def surface(error: BaseException, session: Session) -> NoReturn:
    """Raise what the error means: Conflict, Unavailable, or itself when it is a mistake of ours."""
    if isinstance(error, asyncpg.IntegrityConstraintViolationError):
        raise Conflict(str(error), error.constraint_name) from error
    if session.silent or isinstance(error, TROUBLE) or is_lost(error, session):
        raise Unavailable(str(error) or type(error).__name__) from error
    raise error
