"""Faults of sandboxes, and credentials that one has revoked."""

import sqlalchemy as sa
from alembic import op

from engage_api.db.base import Instant
from engage_api.db.row import KEY

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    """Make the table, with the wall that all tables of a workspace have."""
    op.create_table(
        "fault",
        sa.Column("workspace_id", KEY, nullable=False),
        sa.Column("id", KEY, nullable=False),
        sa.Column("position", sa.SmallInteger(), nullable=False),
        sa.Column("rule", sa.Text(), nullable=True),
        sa.Column("calls", sa.BigInteger(), nullable=False),
        sa.Column("set_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("workspace_id", "id"),
    )
    if op.get_bind().dialect.name == "postgresql":
        op.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON fault TO engage_app, engage_system")
        op.execute("ALTER TABLE fault ENABLE ROW LEVEL SECURITY")
        op.execute(
            "CREATE POLICY own_workspace ON fault TO engage_app "
            "USING (workspace_id = current_setting('app.workspace', true))"
        )
        op.execute("CREATE POLICY every_workspace ON fault TO engage_system USING (true)")
