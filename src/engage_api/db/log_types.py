"""Events whose types a pattern names, found on SQLite without passing over all others.

`engage.case.*` names a range of types. The index by type has each type in the order of the log, not the range, so the
types that there are in it are looked up first, one step of the index for each. Then the log is merged from theirs.
PostgreSQL knows how many events a range has, and chooses a way by that; merging many types is slow there.
"""

from functools import lru_cache
from typing import Any

from sqlalchemy import ColumnElement, bindparam, select, union_all

from engage_api.core import event_types
from engage_api.db.engine import Database
from engage_api.db.row import EventRow
from engage_api.db.sql import Query
from engage_api.db.visibility import visible

MOST = 32  # types that are merged; where a pattern names more of them, it passes over little of the log

_event = EventRow.__table__  # type: ignore[attr-defined]
COLUMNS = [c for c in _event.columns if c.name not in ("workspace_id", "n", "made_by")]
_mine, _type = visible(_event, "workspace"), _event.c.type
_until = _type < bindparam("until_type")


def _first(*where: ColumnElement[bool]) -> ColumnElement[str]:
    return select(_type).where(*_mine, *where, _until).order_by(_type).limit(1).scalar_subquery()


_found = select(_first(_type >= bindparam("from_type")).label("type")).cte("found", recursive=True)
_found = _found.union_all(select(_first(_type > _found.c.type)).where(_found.c.type.is_not(None)))
_WITHIN = Query(select(_found.c.type).where(_found.c.type.is_not(None)).limit(MOST + 1))


async def page(db: Database, workspace: str, pattern: str, *, after: int, limit: int) -> list[Any] | None:
    """Numbered events of these types after a number, for whoever sees the whole log. None: the types are too many."""
    types = [pattern]
    reach = event_types.reach(pattern)
    if reach is not None:
        rows = await db.fetch(_WITHIN, workspace, workspace=workspace, from_type=reach[0], until_type=reach[1])
        types = [row.type for row in rows]
    if not types:
        return []
    if len(types) > MOST:
        return None
    given = {f"type_{n}": type_ for n, type_ in enumerate(types)}
    return await db.fetch(merged(len(types)), workspace, workspace=workspace, **given, after=after, limit=limit)


@lru_cache(maxsize=MOST)
def merged(types: int) -> Query:
    """The statement for so many types: each is read no further than it is needed."""
    after = _event.c.sequence > bindparam("after")
    each = [select(*COLUMNS).where(*_mine, _type == bindparam(f"type_{n}"), after) for n in range(types)]
    whole = union_all(*each) if types > 1 else each[0]
    return Query(whole.order_by("sequence").limit(bindparam("limit")))
