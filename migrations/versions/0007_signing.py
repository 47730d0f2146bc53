"""Signing keys, and who somebody is at an outside provider.

All of it belongs to the service and not to a workspace: on PostgreSQL `engage_system` alone has a right to it.
"""

import sqlalchemy as sa
from alembic import op

from engage_api.db.base import Instant
from engage_api.db.row import KEY

revision = "0007"
down_revision = "0006"

TABLES = ("signing_key", "outside_identity", "outside_attempt")


def upgrade() -> None:
    """Make the tables, for `engage_system` alone."""
    op.create_table(
        "signing_key",
        sa.Column("id", KEY, nullable=False),
        sa.Column("turn", sa.BigInteger(), nullable=False),
        sa.Column("public", sa.Text(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("signs_from", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("signing_key_turn", "signing_key", ["turn"], unique=True)
    op.create_table(
        "outside_identity",
        sa.Column("issuer", KEY, nullable=False),
        sa.Column("subject", KEY, nullable=False),
        sa.Column("account_id", KEY, nullable=False),
        sa.Column("linked_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("issuer", "subject"),
    )
    op.create_index("outside_identity_of", "outside_identity", ["account_id", "issuer"], unique=True)
    op.create_table(
        "outside_attempt",
        sa.Column("fingerprint", sa.LargeBinary(), nullable=False),
        sa.Column("browser", sa.LargeBinary(), nullable=False),
        sa.Column("account_id", KEY, nullable=True),
        sa.Column("wanted", sa.Text(), nullable=False),
        sa.Column("expires_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("fingerprint"),
    )
    op.create_index("outside_attempt_expires", "outside_attempt", ["expires_at"], unique=False)
    op.create_index("outside_attempt_of", "outside_attempt", ["account_id"], unique=False)
    if op.get_bind().dialect.name == "postgresql":
        for table in TABLES:
            op.execute(f'GRANT SELECT, INSERT, UPDATE, DELETE ON "{table}" TO engage_system')
