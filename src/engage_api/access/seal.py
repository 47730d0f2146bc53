"""What tells whether a database was begun with this secret: with another one no key in it would be recognised."""

import hmac

from sqlalchemy import LargeBinary, bindparam, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import Field, SQLModel

from engage_api.core.secret import derive
from engage_api.db.engine import Database
from engage_api.db.row import KEY
from engage_api.db.sql import Query
from engage_api.settings import Misconfigured

SECRET = "secret-key"  # noqa: S105  # a name


class SealRow(SQLModel, table=True):
    """Something that was derived from a secret, to know it again. On PostgreSQL for `engage_system` alone."""

    __tablename__ = "seal"

    name: str = Field(primary_key=True, sa_type=KEY)
    value: bytes = Field(sa_type=LargeBinary)


_seal = SealRow.__table__  # type: ignore[attr-defined]
_KNOWN = Query(select(_seal.c.value).where(_seal.c.name == bindparam("name")))
_BEGIN = Query(insert(_seal).on_conflict_do_nothing(), ["name", "value"])
_REPLACE = Query(update(_seal).where(_seal.c.name == bindparam("at_name")).values(value=bindparam("value")))


async def require_same(db: Database, secret: bytes) -> None:
    """Compare the secret with the one that the database was begun with; a new database is begun with this one.

    Raises:
        Misconfigured: it is another one.
    """
    ours = derive(secret, "seal")
    known = await db.system.one(_KNOWN, None, name=SECRET)
    if known is None:
        async with db.system.write(None) as tx:
            await tx.run(_BEGIN, name=SECRET, value=ours)
            known = await tx.one(_KNOWN, name=SECRET)  # several processes begin at once: whoever was first
    if not hmac.compare_digest(known.value, ours):
        raise Misconfigured(
            "ENGAGE_SECRET_KEY is not the one that this database was begun with, so no key in it would work. Set that "
            "one; in development it is in secret.key in the database's data folder. If it is lost: `engage reseal`"
        )


async def replace(db: Database, secret: bytes) -> None:
    """Go on with this secret: whatever was made with another one, such as keys and sessions, has ended for good."""
    async with db.system.write(None) as tx:
        await tx.run(_BEGIN, name=SECRET, value=b"")
        await tx.run(_REPLACE, at_name=SECRET, value=derive(secret, "seal"))
