"""Advances: moves of sandboxes' clocks."""

import sqlalchemy as sa
from alembic import op

from engage_api.db.base import Instant
from engage_api.db.row import KEY

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    """Make the table, with the wall that all tables of a workspace have."""
    op.create_table(
        "sandbox_advance",
        sa.Column("workspace_id", KEY, nullable=False),
        sa.Column("id", KEY, nullable=False),
        sa.Column("from_", Instant(), nullable=False),
        sa.Column("to", Instant(), nullable=False),
        sa.Column("pace", sa.BigInteger(), nullable=False),
        sa.Column("state", KEY, nullable=False),
        sa.Column("moments", sa.BigInteger(), nullable=False),
        sa.Column("started_at", Instant(), nullable=False),
        sa.Column("finished_at", Instant(), nullable=True),
        sa.PrimaryKeyConstraint("workspace_id", "id"),
    )
    running = sa.text("state = 'running'")
    op.create_index(
        "sandbox_advance_running",
        "sandbox_advance",
        ["workspace_id"],
        unique=True,
        postgresql_where=running,
        sqlite_where=running,
    )
    if op.get_bind().dialect.name == "postgresql":
        op.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON sandbox_advance TO engage_app, engage_system")
        op.execute("ALTER TABLE sandbox_advance ENABLE ROW LEVEL SECURITY")
        op.execute(
            "CREATE POLICY own_workspace ON sandbox_advance TO engage_app "
            "USING (workspace_id = current_setting('app.workspace', true))"
        )
        op.execute("CREATE POLICY every_workspace ON sandbox_advance TO engage_system USING (true)")
