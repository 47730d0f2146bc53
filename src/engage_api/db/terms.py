"""The terms of a resource: exact values by which it is found."""

from sqlalchemy import FromClause, Insert, Table, bindparam, delete, func, insert, select

from engage_api.db.base import Json
from engage_api.db.row import TermRow
from engage_api.db.sql import Query

TABLE: Table = TermRow.__table__  # type: ignore[attr-defined]
ARRAY = bindparam("terms", type_=Json())


def add_terms(texts: FromClause) -> Insert:
    """The statement for all terms of one resource. Parameters: `workspace_id`, `created_at`, `resource_id`, `terms`."""
    names = ["workspace_id", "created_at", "resource_id"]
    same = [bindparam(name, type_=TABLE.c[name].type) for name in names]
    return insert(TABLE).from_select([*names, "term"], select(*same, texts.c.value))


ADD = Query(
    add_terms(func.json_each(ARRAY).table_valued("value")),
    postgres=add_terms(func.jsonb_array_elements_text(ARRAY).table_valued("value")),
)
ADD_ONE = Query(insert(TABLE), [c.name for c in TABLE.columns])
DROP = Query(
    delete(TABLE).where(
        TABLE.c.workspace_id == bindparam("workspace_id"),
        TABLE.c.term == bindparam("term"),
        TABLE.c.created_at == bindparam("created_at"),
        TABLE.c.resource_id == bindparam("resource_id"),
    )
)
