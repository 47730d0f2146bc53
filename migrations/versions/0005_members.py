"""Members of organizations."""

import sqlalchemy as sa
from alembic import op

from engage_api.db.base import Instant
from engage_api.db.row import KEY

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Make the table, with the wall that all tables of a workspace have."""
    op.create_table(
        "member",
        sa.Column("workspace_id", KEY, nullable=False),
        sa.Column("id", KEY, nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("updated_at", Instant(), nullable=False),
        sa.Column("made_by", KEY, nullable=False),
        sa.Column("rendered", sa.SmallInteger(), nullable=False),
        sa.Column("document", sa.LargeBinary(), nullable=False),
        sa.Column("organization_id", KEY, nullable=False),
        sa.Column("account_id", KEY, nullable=False),
        sa.Column("role", KEY, nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_id", "organization_id"],
            ["organization.workspace_id", "organization.id"],
            name="member_organization",
        ),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"]),
        sa.PrimaryKeyConstraint("workspace_id", "id"),
    )
    op.create_index("member_of_organization", "member", ["organization_id", "account_id"], unique=True)
    op.create_index("member_account", "member", ["account_id"], unique=False)
    for moment in ("created", "updated"):
        place = ["workspace_id", "organization_id", f"{moment}_at", "id"]
        op.create_index(f"member_{moment}", "member", place, unique=False)
    if op.get_bind().dialect.name == "postgresql":
        _wall()


def _wall() -> None:
    op.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON member TO engage_app, engage_system")
    op.execute("ALTER TABLE member ENABLE ROW LEVEL SECURITY")
    op.execute(
        "CREATE POLICY own_workspace ON member TO engage_app "
        "USING (workspace_id = current_setting('app.workspace', true))"
    )
    op.execute("CREATE POLICY every_workspace ON member TO engage_system USING (true)")
