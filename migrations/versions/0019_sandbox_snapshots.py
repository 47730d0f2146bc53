"""Snapshots of sandboxes."""

import sqlalchemy as sa
from alembic import op

from engage_api.db.base import Instant
from engage_api.db.row import KEY

revision = "0019"
down_revision = "0018"

TABLE = "sandbox_snapshot"


def upgrade() -> None:
    """Make the table, with the wall that all tables of a workspace have."""
    op.create_table(
        TABLE,
        sa.Column("workspace_id", KEY, nullable=False),
        sa.Column("id", KEY, nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("updated_at", Instant(), nullable=False),
        sa.Column("made_by", KEY, nullable=False),
        sa.Column("rendered", sa.SmallInteger(), nullable=False),
        sa.Column("document", sa.LargeBinary(), nullable=False),
        sa.Column("sandbox_id", KEY, nullable=False),
        sa.Column("state", KEY, nullable=False),
        sa.PrimaryKeyConstraint("workspace_id", "id"),
    )
    op.create_index(f"{TABLE}_of", TABLE, ["workspace_id", "sandbox_id", "created_at", "id"], unique=False)
    op.create_index(f"{TABLE}_updated", TABLE, ["workspace_id", "sandbox_id", "updated_at", "id"], unique=False)
    if op.get_bind().dialect.name == "postgresql":
        op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {TABLE} TO engage_app, engage_system")
        op.execute(f"ALTER TABLE {TABLE} ENABLE ROW LEVEL SECURITY")
        op.execute(
            f"CREATE POLICY own_workspace ON {TABLE} TO engage_app "
            "USING (workspace_id = current_setting('app.workspace', true))"
        )
        op.execute(f"CREATE POLICY every_workspace ON {TABLE} TO engage_system USING (true)")
