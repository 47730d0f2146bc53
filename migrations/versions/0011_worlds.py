"""Worlds: the clock, the seed and the count of ids of every sandbox. Those that are there go on at the host's time."""

import sqlalchemy as sa
from alembic import op

from engage_api.core import clock
from engage_api.db.base import Instant
from engage_api.db.row import KEY

revision = "0011"
down_revision = "0010"

QUOTA = 2_000_000
MINE = "workspace_id = current_setting('app.workspace', true)"


def upgrade() -> None:
    """Make the table, and a world for each sandbox."""
    op.create_table(
        "world",
        sa.Column("workspace_id", KEY, nullable=False),
        sa.Column("seed", KEY, nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("quota", sa.BigInteger(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("since", Instant(), nullable=False),
        sa.Column("pace", sa.BigInteger(), nullable=False),
        sa.Column("busy", KEY, nullable=True),
        sa.Column("done", sa.BigInteger(), nullable=False),
        sa.Column("total", sa.BigInteger(), nullable=False),
        sa.Column("base_number", sa.BigInteger(), nullable=False),
        sa.Column("base_sequence", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("workspace_id"),
    )
    made = sa.text(
        "INSERT INTO world"
        " (workspace_id, seed, number, quota, at, since, pace, done, total, base_number, base_sequence)"
        " SELECT id, id, 0, :quota, :now, :now, 1, 0, 0, 0, 0 FROM workspace WHERE kind = 'sandbox'"
    ).bindparams(sa.bindparam("quota", QUOTA), sa.bindparam("now", clock.host(), type_=Instant()))
    op.execute(made)
    if op.get_bind().dialect.name == "postgresql":
        _wall()


def _wall() -> None:
    """Who is in a sandbox sees and changes its world; whoever makes a sandbox, from outside of it, makes its world."""
    op.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON world TO engage_app, engage_system")
    op.execute("ALTER TABLE world ENABLE ROW LEVEL SECURITY")
    for action in ("SELECT", "UPDATE", "DELETE"):
        op.execute(f"CREATE POLICY own_{action.lower()} ON world FOR {action} TO engage_app USING ({MINE})")
    op.execute("CREATE POLICY made_with_it ON world FOR INSERT TO engage_app WITH CHECK (true)")
    op.execute("CREATE POLICY every_workspace ON world TO engage_system USING (true)")
