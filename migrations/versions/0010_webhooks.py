"""Webhook endpoints with their secrets, how it stands with each receiver, and deliveries with their attempts."""

from typing import Any

import sqlalchemy as sa
from alembic import op

from engage_api.db.base import Instant, Json
from engage_api.db.row import KEY

revision = "0010"
down_revision = "0009"

TABLES = (
    "webhook_endpoint",
    "webhook_health",
    "webhook_cursor",
    "webhook_secret",
    "webhook_secret_seal",
    "webhook_delivery",
    "webhook_attempt",
)
PENDING = "state = 'pending'"


def upgrade() -> None:
    """Make the tables, with the wall that all tables of a workspace have."""
    _endpoint()
    _secret()
    _delivery()
    _attempt()
    if op.get_bind().dialect.name == "postgresql":
        _wall()


def _row() -> list[sa.Column[Any]]:
    return [
        sa.Column("workspace_id", KEY, nullable=False),
        sa.Column("id", KEY, nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("updated_at", Instant(), nullable=False),
        sa.Column("made_by", KEY, nullable=False),
        sa.Column("rendered", sa.SmallInteger(), nullable=False),
        sa.Column("document", sa.LargeBinary(), nullable=False),
    ]


def _index(name: str, table: str, *columns: str, unique: bool = False, pending: bool = False) -> None:
    where = sa.text(PENDING) if pending else None
    op.create_index(name, table, ["workspace_id", *columns], unique=unique, postgresql_where=where, sqlite_where=where)


def _endpoint() -> None:
    table = "webhook_endpoint"
    op.create_table(
        table,
        *_row(),
        sa.Column("external_id", KEY, nullable=True),
        sa.Column("application_id", KEY, nullable=False),
        sa.Column("state", KEY, nullable=False),
        sa.ForeignKeyConstraint(["application_id"], ["application.id"]),
        sa.PrimaryKeyConstraint("workspace_id", "id"),
    )
    _index("webhook_endpoint_external", table, "application_id", "external_id", unique=True)
    _index("webhook_endpoint_created", table, "created_at", "id")
    _index("webhook_endpoint_updated", table, "updated_at", "id")
    _index("webhook_endpoint_state", table, "state", "created_at", "id")
    op.create_table(
        "webhook_health",
        sa.Column("workspace_id", KEY, nullable=False),
        sa.Column("endpoint_id", KEY, nullable=False),
        sa.Column("starts_after", sa.BigInteger(), nullable=False),
        sa.Column("failures", sa.BigInteger(), nullable=False),
        sa.Column("failing_since", Instant(), nullable=True),
        sa.Column("warned_at", Instant(), nullable=True),
        sa.Column("open_until", Instant(), nullable=True),
        sa.ForeignKeyConstraint(
            ["workspace_id", "endpoint_id"],
            ["webhook_endpoint.workspace_id", "webhook_endpoint.id"],
            name="webhook_health_endpoint",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("workspace_id", "endpoint_id"),
    )
    op.create_table(
        "webhook_cursor",
        sa.Column("workspace_id", KEY, nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("workspace_id"),
    )


def _secret() -> None:
    table = "webhook_secret"
    op.create_table(
        table,
        *_row(),
        sa.Column("endpoint_id", KEY, nullable=False),
        sa.Column("expires_at", Instant(), nullable=True),
        sa.ForeignKeyConstraint(
            ["workspace_id", "endpoint_id"],
            ["webhook_endpoint.workspace_id", "webhook_endpoint.id"],
            name="webhook_secret_endpoint",
        ),
        sa.PrimaryKeyConstraint("workspace_id", "id"),
    )
    _index("webhook_secret_created", table, "created_at", "id")
    _index("webhook_secret_updated", table, "updated_at", "id")
    _index("webhook_secret_of_endpoint", table, "endpoint_id", "created_at", "id")
    op.create_table(
        "webhook_secret_seal",
        sa.Column("workspace_id", KEY, nullable=False),
        sa.Column("secret_id", KEY, nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_id", "secret_id"], ["webhook_secret.workspace_id", "webhook_secret.id"], ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("workspace_id", "secret_id"),
    )


def _delivery() -> None:
    table = "webhook_delivery"
    op.create_table(
        table,
        sa.Column("workspace_id", KEY, nullable=False),
        sa.Column("id", KEY, nullable=False),
        sa.Column("endpoint_id", KEY, nullable=False),
        sa.Column("event_id", KEY, nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("type", KEY, nullable=False),
        sa.Column("test", sa.Boolean(), nullable=False),
        sa.Column("state", KEY, nullable=False),
        sa.Column("tries", sa.SmallInteger(), nullable=False),
        sa.Column("attempts", sa.BigInteger(), nullable=False),
        sa.Column("due_at", Instant(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("changed_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("workspace_id", "id"),
    )
    _index("webhook_delivery_once", table, "endpoint_id", "event_id", unique=True)
    _index("webhook_delivery_list", table, "endpoint_id", "id")
    _index("webhook_delivery_due", table, "endpoint_id", "due_at", "sequence", pending=True)
    _index("webhook_delivery_next", table, "endpoint_id", "sequence", pending=True)
    op.create_index("webhook_delivery_age", table, ["changed_at"], unique=False)


def _attempt() -> None:
    op.create_table(
        "webhook_attempt",
        sa.Column("workspace_id", KEY, nullable=False),
        sa.Column("delivery_id", KEY, nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("milliseconds", sa.BigInteger(), nullable=False),
        sa.Column("request_headers", Json(), nullable=False),
        sa.Column("status", sa.SmallInteger(), nullable=True),
        sa.Column("answer_headers", Json(), nullable=True),
        sa.Column("answer_body", sa.LargeBinary(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["workspace_id", "delivery_id"],
            ["webhook_delivery.workspace_id", "webhook_delivery.id"],
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("workspace_id", "delivery_id", "number"),
    )


def _wall() -> None:
    for table in TABLES:
        op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO engage_app, engage_system")
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(
            f"CREATE POLICY own_workspace ON {table} TO engage_app "
            "USING (workspace_id = current_setting('app.workspace', true))"
        )
        op.execute(f"CREATE POLICY every_workspace ON {table} TO engage_system USING (true)")
