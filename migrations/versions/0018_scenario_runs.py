"""Runs of scenarios, in the sandboxes that they play in."""

import sqlalchemy as sa
from alembic import op

from engage_api.db.base import Instant
from engage_api.db.row import KEY

revision = "0018"
down_revision = "0017"

SOME = sa.text("moment_at IS NOT NULL")


def upgrade() -> None:
    """Make the table, with the wall that all tables of a workspace have."""
    table = "scenario_run"
    op.create_table(
        table,
        sa.Column("workspace_id", KEY, nullable=False),
        sa.Column("id", KEY, nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("updated_at", Instant(), nullable=False),
        sa.Column("made_by", KEY, nullable=False),
        sa.Column("rendered", sa.SmallInteger(), nullable=False),
        sa.Column("document", sa.LargeBinary(), nullable=False),
        sa.Column("moment_at", Instant(), nullable=True),
        sa.Column("state", KEY, nullable=False),
        sa.PrimaryKeyConstraint("workspace_id", "id"),
    )
    op.create_index("scenario_run_created", table, ["workspace_id", "created_at", "id"], unique=False)
    op.create_index("scenario_run_updated", table, ["workspace_id", "updated_at", "id"], unique=False)
    op.create_index(
        "scenario_run_moment",
        table,
        ["workspace_id", "moment_at", "id"],
        unique=False,
        postgresql_where=SOME,
        sqlite_where=SOME,
    )
    if op.get_bind().dialect.name == "postgresql":
        op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO engage_app, engage_system")
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(
            f"CREATE POLICY own_workspace ON {table} TO engage_app "
            "USING (workspace_id = current_setting('app.workspace', true))"
        )
        op.execute(f"CREATE POLICY every_workspace ON {table} TO engage_system USING (true)")
