"""References in the lists of a document, where no foreign key reaches: each is a term of what refers."""

from sqlalchemy import bindparam, select

from engage_api.db.engine import Transaction
from engage_api.db.sql import Query
from engage_api.db.terms import TABLE

_WHO = Query(
    select(TABLE.c.resource_id)
    .where(TABLE.c.workspace_id == bindparam("workspace_id"), TABLE.c.term == bindparam("term"))
    .limit(1)
)


def term(row_id: str) -> str:
    """The term of everything that refers to this resource, of whatever kind."""
    return f"refers={row_id}"


async def exist(tx: Transaction, workspace: str, row_id: str) -> bool:
    """Whether anything in the workspace refers to it, whoever may see that."""
    return await tx.one(_WHO, workspace_id=workspace, term=term(row_id)) is not None
