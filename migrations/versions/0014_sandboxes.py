"""Sandboxes become resources of the live workspace, and workspaces may come to an end by themselves."""

import json
from typing import Any

import sqlalchemy as sa
from alembic import op

from engage_api.core import clock, ids
from engage_api.db import search
from engage_api.db.base import Instant
from engage_api.db.row import KEY

revision = "0014"
down_revision = "0013"

OPERATOR, DEMO = "app_operator", {"sbx_demo": "app_demo"}
MOMENTS = {"created_at": Instant(), "updated_at": Instant(), "expires_at": Instant()}


def upgrade() -> None:
    """Make the table, and a resource for each sandbox that is there: it was made empty, and stays."""
    op.add_column("workspace", sa.Column("expires_at", Instant(), nullable=True))
    op.create_index("workspace_expires", "workspace", ["expires_at"], unique=False)
    op.create_table(
        "sandbox",
        sa.Column("workspace_id", KEY, nullable=False),
        sa.Column("id", KEY, nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("updated_at", Instant(), nullable=False),
        sa.Column("made_by", KEY, nullable=False),
        sa.Column("rendered", sa.SmallInteger(), nullable=False),
        sa.Column("document", sa.LargeBinary(), nullable=False),
        sa.Column("state", KEY, nullable=False),
        sa.Column("expires_at", Instant(), nullable=True),
        sa.PrimaryKeyConstraint("workspace_id", "id"),
    )
    op.create_index("sandbox_created", "sandbox", ["workspace_id", "created_at", "id"], unique=False)
    op.create_index("sandbox_updated", "sandbox", ["workspace_id", "updated_at", "id"], unique=False)
    op.create_index("sandbox_made_by", "sandbox", ["workspace_id", "made_by", "created_at", "id"], unique=False)
    if _postgresql():
        _wall()
    for row in _there():
        _keep(row)


def _postgresql() -> bool:
    return op.get_bind().dialect.name == "postgresql"


def _wall() -> None:
    """As in 0001: who is in one workspace sees that one."""
    op.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON sandbox TO engage_app, engage_system")
    op.execute("ALTER TABLE sandbox ENABLE ROW LEVEL SECURITY")
    op.execute(
        "CREATE POLICY own_workspace ON sandbox TO engage_app "
        "USING (workspace_id = current_setting('app.workspace', true))"
    )
    op.execute("CREATE POLICY every_workspace ON sandbox TO engage_system USING (true)")


def _there() -> list[Any]:
    names = ("id", "kind", "name", "organization_id")
    workspace = sa.table("workspace", *(sa.column(name) for name in names), sa.column("created_at", Instant()))
    found = sa.select(workspace).where(workspace.c.kind == "sandbox").order_by(workspace.c.id)
    return list(op.get_bind().execute(found))


def _keep(row: Any) -> None:
    """One sandbox with its document in the shape that it has at this revision, its words and its event."""
    moment = row.created_at.replace(microsecond=row.created_at.microsecond // 1000 * 1000)
    made, maker = clock.wire(moment), DEMO.get(row.id, row.organization_id)
    said = {"id": row.id, "createdAt": made, "updatedAt": made, "version": 1, "name": row.name, "metadata": {}}
    said |= {"size": "empty", "seed": row.id, "state": "ready", "parentId": None, "startsAt": made, "startPace": 1}
    said |= {"expiresAt": None, "personas": [], "work": None}
    values = {
        "workspace_id": "live",
        "id": row.id,
        "version": 1,
        "created_at": moment,
        "updated_at": moment,
        "made_by": maker,
        "rendered": 1,
        "document": json.dumps(said, separators=(",", ":"), ensure_ascii=False).encode(),
        "state": "ready",
        "expires_at": None,
    }
    op.bulk_insert(sa.table("sandbox", *(sa.column(name, MOMENTS.get(name)) for name in values)), [values])
    _tell(values)
    _find(row)


def _tell(values: dict[str, Any]) -> None:
    """The event of the row. PostgreSQL's sequencer numbers it, on SQLite that is done here."""
    now = clock.host()
    line = {
        "workspace_id": "live",
        "id": ids.new("evt"),
        "type": "engage.sandbox.created.v1",
        "subject": values["id"],
        "time": now,
        "recorded_time": now,
        "actor": f"application:{OPERATOR}",
        "made_by": values["made_by"],
        "data": values["document"],
    }
    if not _postgresql():
        counter = sa.table("counter", sa.column("workspace_id"), sa.column("last"))
        last = op.get_bind().execute(sa.select(counter.c.last).where(counter.c.workspace_id == "live")).scalar()
        if last is None:
            op.execute(sa.insert(counter).values(workspace_id="live", last=1))
        else:
            op.execute(sa.update(counter).where(counter.c.workspace_id == "live").values(last=last + 1))
        line["sequence"] = (last or 0) + 1
    types = {"time": Instant(), "recorded_time": Instant()}
    op.bulk_insert(sa.table("event", *(sa.column(name, types.get(name)) for name in line)), [line])


def _find(row: Any) -> None:
    given = search.parameters("live", "sandbox", row.id, [row.name])
    words = sa.literal(given["words"])
    found = sa.table(
        "search", *(sa.column(name) for name in ("number", "rowid", "workspace_id", "resource_id", "words"))
    )
    values = {"workspace_id": given["workspace"], "resource_id": given["resource"]}
    if _postgresql():
        parted = sa.func.array_to_tsvector(sa.func.string_to_array(words, " "))
        op.execute(sa.insert(found).values(number=given["number"], words=parted, **values))
    else:
        op.execute(sa.insert(found).values(rowid=given["number"], words=words, **values))
