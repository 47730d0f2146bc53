"""Members of organizations, and invitations."""

import sqlalchemy as sa
from alembic import op

from engage_api.db.base import Instant
from engage_api.db.row import KEY

revision = "0005"
down_revision = "0004"

TABLES = ("member", "invitation", "invitation_address")


def upgrade() -> None:
    """Make the tables, with the wall that all tables of a workspace have."""
    op.create_table(
        "member",
        *_common("member"),
        sa.Column("account_id", KEY, nullable=False),
        sa.Column("role", KEY, nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"]),
    )
    op.create_index("member_of_organization", "member", ["organization_id", "account_id"], unique=True)
    op.create_index("member_account", "member", ["account_id"], unique=False)
    _lists("member")
    op.create_table("invitation", *_common("invitation"), sa.Column("expires_at", Instant(), nullable=False))
    op.create_index("invitation_expires", "invitation", ["workspace_id", "expires_at"], unique=False)
    _lists("invitation")
    op.create_table(
        "invitation_address",
        sa.Column("workspace_id", KEY, nullable=False),
        sa.Column("invitation_id", KEY, nullable=False),
        sa.Column("organization_id", KEY, nullable=False),
        sa.Column("email", sa.String(), nullable=False),
        sa.Column("folded", KEY, nullable=False),
        sa.Column("inviter", KEY, nullable=True),
        sa.Column("inviter_at", KEY, nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_id", "invitation_id"], ["invitation.workspace_id", "invitation.id"], ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("workspace_id", "invitation_id"),
    )
    op.create_index("invitation_address_once", "invitation_address", ["organization_id", "folded"], unique=True)
    op.create_index("invitation_address_folded", "invitation_address", ["folded"], unique=False)
    if op.get_bind().dialect.name == "postgresql":
        for table in TABLES:
            _wall(table)


def _common(table: str) -> list[sa.schema.SchemaItem]:
    return [
        sa.Column("workspace_id", KEY, nullable=False),
        sa.Column("id", KEY, nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("updated_at", Instant(), nullable=False),
        sa.Column("made_by", KEY, nullable=False),
        sa.Column("rendered", sa.SmallInteger(), nullable=False),
        sa.Column("document", sa.LargeBinary(), nullable=False),
        sa.Column("organization_id", KEY, nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_id", "organization_id"],
            ["organization.workspace_id", "organization.id"],
            name=f"{table}_organization",
        ),
        sa.PrimaryKeyConstraint("workspace_id", "id"),
    ]


def _lists(table: str) -> None:
    for moment in ("created", "updated"):
        place = ["workspace_id", "organization_id", f"{moment}_at", "id"]
        op.create_index(f"{table}_{moment}", table, place, unique=False)


def _wall(table: str) -> None:
    op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO engage_app, engage_system")
    op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
    op.execute(
        f"CREATE POLICY own_workspace ON {table} TO engage_app "
        "USING (workspace_id = current_setting('app.workspace', true))"
    )
    op.execute(f"CREATE POLICY every_workspace ON {table} TO engage_system USING (true)")
