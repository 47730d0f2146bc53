"""What people allow: consents, the grants that follow from them, refresh tokens, and tokens that end with a grant.

On PostgreSQL requests under `engage_app` have no right to any of them.
"""

import sqlalchemy as sa
from alembic import op

from engage_api.db.base import Instant
from engage_api.db.row import KEY

revision = "0006"
down_revision = "0005"

TABLES = ("oauth_consent", "oauth_grant", "oauth_refresh")


def upgrade() -> None:
    """Make the tables, for `engage_system` alone."""
    _consent()
    _grant()
    op.create_table(
        "oauth_refresh",
        sa.Column("fingerprint", sa.LargeBinary(), nullable=False),
        sa.Column("grant_id", KEY, nullable=False),
        sa.Column("expires_at", Instant(), nullable=False),
        sa.Column("used_at", Instant(), nullable=True),
        sa.ForeignKeyConstraint(["grant_id"], ["oauth_grant.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("fingerprint"),
    )
    op.create_index("oauth_refresh_grant", "oauth_refresh", ["grant_id"], unique=False)
    kind = KEY.compile(dialect=op.get_bind().dialect)
    # Alembic would make the constraint in a statement of its own, which SQLite has not.
    op.execute(f"ALTER TABLE oauth_token ADD COLUMN grant_id {kind} REFERENCES oauth_grant (id) ON DELETE CASCADE")
    op.create_index("oauth_token_grant", "oauth_token", ["grant_id"], unique=False)
    if op.get_bind().dialect.name == "postgresql":
        for table in TABLES:
            op.execute(f'GRANT SELECT, INSERT, UPDATE, DELETE ON "{table}" TO engage_system')


def _consent() -> None:
    op.create_table(
        "oauth_consent",
        sa.Column("id", KEY, nullable=False),
        sa.Column("account_id", KEY, nullable=False),
        sa.Column("application_id", KEY, nullable=False),
        sa.Column("client_id", KEY, nullable=False),
        sa.Column("place", KEY, nullable=False),
        sa.Column("scopes", sa.Text(), nullable=False),
        sa.Column("given_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["application_id"], ["application.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("oauth_consent_of", "oauth_consent", ["account_id", "client_id", "place"], unique=True)
    op.create_index("oauth_consent_application", "oauth_consent", ["application_id"], unique=False)


def _grant() -> None:
    op.create_table(
        "oauth_grant",
        sa.Column("id", KEY, nullable=False),
        sa.Column("consent_id", KEY, nullable=False),
        sa.Column("scopes", sa.Text(), nullable=False),
        sa.Column("code", sa.LargeBinary(), nullable=True),
        sa.Column("redirect_uri", sa.Text(), nullable=False),
        sa.Column("challenge", KEY, nullable=False),
        sa.Column("nonce", sa.Text(), nullable=True),
        sa.Column("signed_in_at", Instant(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("code_expires_at", Instant(), nullable=True),
        sa.Column("redeemed_at", Instant(), nullable=True),
        sa.Column("used_at", Instant(), nullable=True),
        sa.Column("expires_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["consent_id"], ["oauth_consent.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("oauth_grant_code", "oauth_grant", ["code"], unique=True)
    op.create_index("oauth_grant_consent", "oauth_grant", ["consent_id"], unique=False)
    op.create_index("oauth_grant_expiry", "oauth_grant", ["expires_at"], unique=False)
    op.create_index("oauth_grant_unused", "oauth_grant", ["code_expires_at"], unique=False)
