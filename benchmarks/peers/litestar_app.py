# mypy: ignore-errors
"""Litestar with Advanced Alchemy: SQLAlchemy models, DTOs made from them, a session for each request, aiosqlite.

It counts no requests, which saves it that work.
"""

import hashlib
import os
import sys
from datetime import UTC, datetime, timedelta
from typing import Any

from litestar import Litestar, get
from litestar.connection import ASGIConnection
from litestar.exceptions import NotAuthorizedException, NotFoundException, PermissionDeniedException
from litestar.handlers import BaseRouteHandler
from litestar.middleware import AbstractAuthenticationMiddleware, AuthenticationResult
from litestar.pagination import CursorPagination
from litestar.plugins.sqlalchemy import (
    AsyncSessionConfig,
    EngineConfig,
    SQLAlchemyAsyncConfig,
    SQLAlchemyDTO,
    SQLAlchemyDTOConfig,
    SQLAlchemyPlugin,
)
from sqlalchemy import create_engine, event, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from benchmarks import sample

PATH = os.environ["PEER_DATABASE"]


class Base(DeclarativeBase):
    """What both tables share."""


class Customer(Base):
    """Sixteen plain columns."""

    __tablename__ = "customer"
    id: Mapped[str] = mapped_column(primary_key=True)
    external_id: Mapped[str] = mapped_column(unique=True)
    kind: Mapped[str]
    display_name: Mapped[str]
    email: Mapped[str]
    phone: Mapped[str]
    language: Mapped[str]
    contactable: Mapped[bool]
    segment: Mapped[str]
    role: Mapped[str]
    location: Mapped[str]
    intent: Mapped[str]
    department: Mapped[str]
    priority: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(index=True)
    updated_at: Mapped[datetime]


class Token(Base):
    """A hashed token and its scope."""

    __tablename__ = "token"
    digest: Mapped[str] = mapped_column(primary_key=True)
    scope: Mapped[str]


class CustomerDTO(SQLAlchemyDTO[Customer]):
    """All columns."""

    config = SQLAlchemyDTOConfig()


alchemy = SQLAlchemyAsyncConfig(
    connection_string=f"sqlite+aiosqlite:///{PATH}",
    session_config=AsyncSessionConfig(expire_on_commit=False),
    engine_config=EngineConfig(pool_size=16),
)


class TokenMiddleware(AbstractAuthenticationMiddleware):
    """The token in the header, looked up for each request."""

    async def authenticate_request(self, connection: ASGIConnection) -> AuthenticationResult:
        """Who asks."""
        kind, _, text = connection.headers.get("Authorization", "").partition(" ")
        token = None
        if kind.lower() == "bearer":
            async with alchemy.get_session() as session:
                token = await session.get(Token, _digest(text))
        if token is None:
            raise NotAuthorizedException
        return AuthenticationResult(user=token.digest, auth=token)


def require_scope(connection: ASGIConnection, _: BaseRouteHandler) -> None:
    """Only with the scope for customers."""
    if "customers" not in connection.auth.scope.split():
        raise PermissionDeniedException


@get("/customers/{customer_id:str}", return_dto=CustomerDTO, guards=[require_scope])
async def get_customer(customer_id: str, db_session: AsyncSession) -> Customer:
    """One."""
    customer = await db_session.get(Customer, customer_id)
    if customer is None:
        raise NotFoundException
    return customer


@get("/customers", return_dto=CustomerDTO, guards=[require_scope])
async def list_customers(db_session: AsyncSession, cursor: str | None = None) -> CursorPagination[str, Customer]:
    """Fifty by keyset."""
    statement = select(Customer).order_by(Customer.created_at.desc(), Customer.id.desc()).limit(50)
    if cursor:
        time, _, row_id = cursor.partition("~")
        statement = statement.where(tuple_(Customer.created_at, Customer.id) < (datetime.fromisoformat(time), row_id))
    items = list(await db_session.scalars(statement))
    return CursorPagination(items, 50, f"{items[-1].created_at.isoformat()}~{items[-1].id}" if items else None)


app = Litestar(
    [get_customer, list_customers],
    plugins=[SQLAlchemyPlugin(alchemy)],
    middleware=[TokenMiddleware],
    openapi_config=None,
)


@event.listens_for(alchemy.get_engine().sync_engine, "connect")
def _set_up(connection: Any, _: Any) -> None:
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "cache_size=-65536"):
        connection.execute(f"PRAGMA {pragma}")


def fill(customers: int) -> None:
    """Make the database; prints two tokens, of which one is as good as the other, then all ids."""
    engine = create_engine(f"sqlite:///{PATH}")
    Base.metadata.create_all(engine)
    token, now = os.urandom(16).hex(), datetime.now(UTC).replace(tzinfo=None)
    print(token, token, sep="\n")
    with Session(engine) as session:
        session.add(Token(digest=_digest(token), scope="customers"))
        for number in range(customers):
            made = now - timedelta(seconds=customers - number)
            row_id = hashlib.blake2b(str(number).encode(), digest_size=16).hexdigest()
            session.add(Customer(id=row_id, **sample.flat(number), created_at=made, updated_at=made))
            print(row_id)
        session.commit()


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


if __name__ == "__main__":
    fill(int(sys.argv[1]))
