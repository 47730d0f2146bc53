"""Everything that the database has of a workspace, to compare."""

from typing import Any

from sqlalchemy import Text, cast, column, select, table
from sqlmodel import SQLModel

from engage_api.db import Database, Query
from engage_api.db.sequencer import settle

WORDS = table("search", column("workspace_id"), column("rowid"), column("resource_id"), column("words"))
Dump = dict[str, list[tuple[Any, ...]]]


async def dump(db: Database, workspace: str) -> Dump:
    """The rows of a workspace by table, but for empty tables."""
    if db.dialect == "postgresql":
        await settle(db)
    found = {}
    for one in SQLModel.metadata.sorted_tables:
        if "workspace_id" not in one.c:
            continue
        shown: list[Any] = [cast(c, Text).label(c.name) if c.name == "words" else c for c in one.c]
        query = select(*shown).where(one.c.workspace_id == workspace)
        if one.name == "search" and db.dialect == "sqlite":
            query = select(*WORDS.c).where(WORDS.c.workspace_id == workspace)
        rows = await db.system.fetch(Query(query), None)
        if rows:
            found[one.name] = sorted((tuple(row) for row in rows), key=repr)
    return found


def alike(dumped: Dump, workspace: str, other: str) -> Dump:
    """The same rows as they would be in another workspace. Numbers of words are hashes, so they are left out."""
    old, new = (name.replace("_", "\u00a4").replace("-", "\u00a4") for name in (workspace, other))

    def like(value: Any) -> Any:
        if value == workspace:
            return other
        return value.replace(old, new) if isinstance(value, str) else value

    return {
        name: sorted(
            (tuple(like(value) for value in row if name != "search" or not isinstance(value, int)) for row in rows),
            key=repr,
        )
        for name, rows in dumped.items()
    }
