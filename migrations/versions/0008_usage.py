"""Sessions and links of customers, usage, quotas, and devices that wait to be let in."""

import sqlalchemy as sa
from alembic import op

from engage_api.db.base import Instant
from engage_api.db.row import KEY

revision = "0008"
down_revision = "0007"

WALLED = ("customer_session", "account_link", "customer_account", "usage")


def upgrade() -> None:
    """Make the tables, with the wall that all tables of a workspace have."""
    _customer_session()
    _account_link()
    _usage()
    _device()
    op.add_column("plan", sa.Column("quota", sa.BigInteger(), nullable=True))
    if op.get_bind().dialect.name == "postgresql":
        _wall()


def _customer_session() -> None:
    op.create_table(
        "customer_session",
        sa.Column("workspace_id", KEY, nullable=False),
        sa.Column("id", KEY, nullable=False),
        sa.Column("fingerprint", sa.LargeBinary(), nullable=False),
        sa.Column("customer_id", KEY, nullable=False),
        sa.Column("application_id", KEY, nullable=False),
        sa.Column("key_id", KEY, nullable=True),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("expires_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["application_id"], ["application.id"]),
        sa.ForeignKeyConstraint(
            ["workspace_id", "customer_id"],
            ["customer.workspace_id", "customer.id"],
            name="customer_session_customer",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id", "key_id"],
            ["api_key.workspace_id", "api_key.id"],
            name="customer_session_key",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("workspace_id", "id"),
    )
    op.create_index("customer_session_fingerprint", "customer_session", ["fingerprint"], unique=True)
    for name, columns in (
        ("of", ["workspace_id", "customer_id"]),
        ("key_id", ["workspace_id", "key_id"]),
        ("expiry", ["workspace_id", "expires_at"]),
    ):
        op.create_index(f"customer_session_{name}", "customer_session", columns, unique=False)


def _account_link() -> None:
    op.create_table(
        "account_link",
        sa.Column("workspace_id", KEY, nullable=False),
        sa.Column("id", KEY, nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("updated_at", Instant(), nullable=False),
        sa.Column("made_by", KEY, nullable=False),
        sa.Column("rendered", sa.SmallInteger(), nullable=False),
        sa.Column("document", sa.LargeBinary(), nullable=False),
        sa.Column("customer_id", KEY, nullable=False),
        sa.Column("state", KEY, nullable=False),
        sa.Column("expires_at", Instant(), nullable=True),
        sa.ForeignKeyConstraint(
            ["workspace_id", "customer_id"],
            ["customer.workspace_id", "customer.id"],
            name="account_link_customer",
        ),
        sa.PrimaryKeyConstraint("workspace_id", "id"),
    )
    for moment in ("created", "updated"):
        place = ["workspace_id", "customer_id", f"{moment}_at", "id"]
        op.create_index(f"account_link_{moment}", "account_link", place, unique=False)
    op.create_index("account_link_expires", "account_link", ["expires_at"], unique=False)
    op.create_table(
        "customer_account",
        sa.Column("workspace_id", KEY, nullable=False),
        sa.Column("link_id", KEY, nullable=False),
        sa.Column("customer_id", KEY, nullable=False),
        sa.Column("email", sa.String(), nullable=False),
        sa.Column("folded", KEY, nullable=False),
        sa.Column("asked_by", KEY, nullable=False),
        sa.Column("account_id", KEY, nullable=True),
        sa.ForeignKeyConstraint(
            ["workspace_id", "link_id"], ["account_link.workspace_id", "account_link.id"], ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("workspace_id", "link_id"),
    )
    for name, columns in (
        ("once", ["workspace_id", "asked_by", "account_id"]),
        ("address", ["workspace_id", "customer_id", "folded"]),
    ):
        op.create_index(f"customer_account_{name}", "customer_account", columns, unique=True)
    op.create_index("customer_account_folded", "customer_account", ["folded"], unique=False)
    op.create_index("customer_account_of", "customer_account", ["account_id"], unique=False)


def _usage() -> None:
    op.create_table(
        "usage",
        *(sa.Column(name, KEY, nullable=False) for name in ("workspace_id", "day", "application_id", "credential")),
        sa.Column("operation", KEY, nullable=False),
        sa.Column("organization_id", KEY, nullable=False),
        *(
            sa.Column(name, sa.BigInteger(), nullable=False)
            for name in ("calls", "client_errors", "server_errors", "limited")
        ),
        sa.PrimaryKeyConstraint("workspace_id", "day", "application_id", "credential", "operation"),
    )


def _device() -> None:
    """As what people allow (0006), for `engage_system` alone."""
    op.create_table(
        "oauth_device",
        sa.Column("id", KEY, nullable=False),
        sa.Column("device_code", sa.LargeBinary(), nullable=False),
        sa.Column("user_code", sa.LargeBinary(), nullable=False),
        sa.Column("client_id", KEY, nullable=False),
        sa.Column("place", KEY, nullable=False),
        sa.Column("scopes", sa.Text(), nullable=False),
        sa.Column("interval", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", Instant(), nullable=False),
        sa.Column("asked_at", Instant(), nullable=True),
        sa.Column("decided_at", Instant(), nullable=True),
        sa.Column("grant_id", KEY, nullable=True),
        sa.Column("redeemed_at", Instant(), nullable=True),
        sa.ForeignKeyConstraint(["grant_id"], ["oauth_grant.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    for name, column in (("code", "device_code"), ("user", "user_code")):
        op.create_index(f"oauth_device_{name}", "oauth_device", [column], unique=True)
    for name, column in (("grant", "grant_id"), ("expiry", "expires_at")):
        op.create_index(f"oauth_device_{name}", "oauth_device", [column], unique=False)


def _wall() -> None:
    for table in WALLED:
        op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO engage_app, engage_system")
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(
            f"CREATE POLICY own_workspace ON {table} TO engage_app "
            "USING (workspace_id = current_setting('app.workspace', true))"
        )
        op.execute(f"CREATE POLICY every_workspace ON {table} TO engage_system USING (true)")
    op.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON oauth_device TO engage_system")
