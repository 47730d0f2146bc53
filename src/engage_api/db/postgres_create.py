"""A new resource on PostgreSQL in one statement: its row, its terms, its words and its event.

Each statement is a way to the server and back, and a create has four. SQLite is in this process and knows no such
statement, so there they stay four.
"""

from functools import lru_cache
from typing import Any

from sqlalchemy import CTE, bindparam, func, insert

from engage_api.db import log, search
from engage_api.db.kind import Kind
from engage_api.db.sql import Query
from engage_api.db.terms import ARRAY, add_terms

OF_EVENT = "event_"  # before the parameters of the event, whose columns have the names of the row's


@lru_cache(maxsize=64)
def create(kind: Kind[Any], *, terms: bool, words: bool) -> Query:
    """Takes the columns of the row; `resource_id` and `terms`; `search.parameters`; the event's, after OF_EVENT."""
    row = insert(kind.table).values({c.name: bindparam(c.name, type_=c.type) for c in kind.table.columns})
    parts: list[CTE] = [row.cte("made")]
    if terms:
        parts.append(add_terms(func.jsonb_array_elements_text(ARRAY).table_valued("value")).cte("found_by_terms"))
    if words:
        parts.append(search.PUT_POSTGRES.cte("found_by_words"))
    event = insert(log.EVENT).values(
        {name: bindparam(f"{OF_EVENT}{name}", type_=log.EVENT.c[name].type) for name in log.COLUMNS}
    )
    return Query(event.add_cte(*parts))
