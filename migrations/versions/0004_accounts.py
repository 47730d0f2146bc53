"""People: accounts, the tokens of mailed links, and sessions.

On PostgreSQL requests under `engage_app` have no right to any of them.
"""

import sqlalchemy as sa
from alembic import op

from engage_api.db.base import Instant
from engage_api.db.row import KEY

revision = "0004"
down_revision = "0003"

TABLES = ("account", "account_token", "account_session")


def upgrade() -> None:
    """Make the tables, for `engage_system` alone."""
    op.create_table(
        "account",
        sa.Column("id", KEY, nullable=False),
        sa.Column("email", sa.String(), nullable=False),
        sa.Column("folded", KEY, nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("password", sa.Text(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("confirmed_at", Instant(), nullable=True),
        sa.Column("disabled_at", Instant(), nullable=True),
        sa.Column("signed_in_at", Instant(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("account_folded", "account", ["folded"], unique=True)
    op.create_index("account_created", "account", ["created_at", "id"], unique=False)
    op.create_table(
        "account_token",
        sa.Column("fingerprint", sa.LargeBinary(), nullable=False),
        sa.Column("account_id", KEY, nullable=False),
        sa.Column("purpose", KEY, nullable=False),
        sa.Column("expires_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("fingerprint"),
    )
    op.create_index("account_token_of", "account_token", ["account_id"], unique=False)
    op.create_index("account_token_expires", "account_token", ["expires_at"], unique=False)
    op.create_table(
        "account_session",
        sa.Column("id", KEY, nullable=False),
        sa.Column("fingerprint", sa.LargeBinary(), nullable=False),
        sa.Column("account_id", KEY, nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("last_seen_at", Instant(), nullable=False),
        sa.Column("expires_at", Instant(), nullable=False),
        sa.Column("user_agent", sa.String(), nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("account_session_of", "account_session", ["account_id", "created_at"], unique=False)
    op.create_index("account_session_expires", "account_session", ["expires_at"], unique=False)
    op.create_index("account_session_fingerprint", "account_session", ["fingerprint"], unique=True)
    if op.get_bind().dialect.name == "postgresql":
        for table in TABLES:
            op.execute(f'GRANT SELECT, INSERT, UPDATE, DELETE ON "{table}" TO engage_system')
