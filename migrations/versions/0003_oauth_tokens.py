"""Access tokens of the authorization server."""

import sqlalchemy as sa
from alembic import op

from engage_api.db.base import Instant
from engage_api.db.row import KEY

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Make the table, with the wall that all tables of a workspace have."""
    op.create_table(
        "oauth_token",
        sa.Column("workspace_id", KEY, nullable=False),
        sa.Column("id", KEY, nullable=False),
        sa.Column("fingerprint", sa.LargeBinary(), nullable=False),
        sa.Column("application_id", KEY, nullable=False),
        sa.Column("client_id", KEY, nullable=False),
        sa.Column("secret_id", KEY, nullable=True),
        sa.Column("scopes", sa.Text(), nullable=False),
        sa.Column("issued_at", Instant(), nullable=False),
        sa.Column("expires_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["application_id"], ["application.id"]),
        sa.ForeignKeyConstraint(["secret_id"], ["client_secret.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("workspace_id", "id"),
    )
    op.create_index("oauth_token_fingerprint", "oauth_token", ["fingerprint"], unique=True)
    op.create_index("oauth_token_expiry", "oauth_token", ["workspace_id", "expires_at"], unique=False)
    op.create_index("oauth_token_secret", "oauth_token", ["secret_id"], unique=False)
    if op.get_bind().dialect.name == "postgresql":
        _wall()


def _wall() -> None:
    op.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON oauth_token TO engage_app, engage_system")
    op.execute("ALTER TABLE oauth_token ENABLE ROW LEVEL SECURITY")
    op.execute(
        "CREATE POLICY own_workspace ON oauth_token TO engage_app "
        "USING (workspace_id = current_setting('app.workspace', true))"
    )
    op.execute("CREATE POLICY every_workspace ON oauth_token TO engage_system USING (true)")
