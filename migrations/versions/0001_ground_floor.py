"""The ground floor: worlds and parties, keys, customers, cases with tasks, offers, the log, and what finds them.

On PostgreSQL also the second wall: requests run as `engage_app` and see the rows of the workspace that their session
is set to;
`engage_system` sees all, for the guard's look-up, the sequencer and the claiming of jobs. Neither owns a table.
"""

from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from engage_api.db.base import Instant, Json
from engage_api.db.row import KEY

revision = "0001"
down_revision = None


WORKSPACE_TABLES = (
    "api_key",
    "credential",
    "customer",
    "case",
    "task",
    "offer",
    "event",
    "counter",
    "term",
    "search",
    "idempotency",
    "job",
)
SHARED_TABLES = ("organization", "application", "workspace", "plan", "job_schedule")


def upgrade() -> None:
    """Make everything."""
    _parties()
    _keys()
    _customers()
    _cases()
    _tasks()
    _offers()
    _log()
    _support()
    _jobs()
    _search()
    if _postgresql():
        _roles()
        _wall()
    _first_rows()


def _postgresql() -> bool:
    return op.get_bind().dialect.name == "postgresql"


def _parties() -> None:
    op.create_table(
        "organization",
        sa.Column("id", KEY, nullable=False),
        sa.Column("kind", KEY, nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("state", KEY, nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "application",
        sa.Column("id", KEY, nullable=False),
        sa.Column("organization_id", KEY, nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("state", KEY, nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organization_id"],
            ["organization.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "workspace",
        sa.Column("id", KEY, nullable=False),
        sa.Column("kind", KEY, nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("organization_id", KEY, nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organization_id"],
            ["organization.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "plan",
        sa.Column("name", KEY, nullable=False),
        sa.Column("requests", sa.BigInteger(), nullable=False),
        sa.Column("seconds", sa.BigInteger(), nullable=False),
        sa.Column("burst", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )


def _keys() -> None:
    op.create_table(
        "api_key",
        sa.Column("workspace_id", KEY, nullable=False),
        sa.Column("id", KEY, nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("updated_at", Instant(), nullable=False),
        sa.Column("made_by", KEY, nullable=False),
        sa.Column("rendered", sa.SmallInteger(), nullable=False),
        sa.Column("document", sa.LargeBinary(), nullable=False),
        sa.Column("application_id", KEY, nullable=False),
        sa.Column("plan", KEY, nullable=False),
        sa.Column("expires_at", Instant(), nullable=True),
        sa.ForeignKeyConstraint(
            ["application_id"],
            ["application.id"],
        ),
        sa.ForeignKeyConstraint(
            ["plan"],
            ["plan.name"],
        ),
        sa.PrimaryKeyConstraint("workspace_id", "id"),
    )
    op.create_index("api_key_created", "api_key", ["workspace_id", "created_at", "id"], unique=False)
    op.create_index("api_key_updated", "api_key", ["workspace_id", "updated_at", "id"], unique=False)
    op.create_table(
        "credential",
        sa.Column("workspace_id", KEY, nullable=False),
        sa.Column("key_id", KEY, nullable=False),
        sa.Column("fingerprint", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["workspace_id", "key_id"], ["api_key.workspace_id", "api_key.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("workspace_id", "key_id"),
    )
    op.create_index("credential_fingerprint", "credential", ["fingerprint"], unique=True)


def _customers() -> None:
    op.create_table(
        "customer",
        sa.Column("workspace_id", KEY, nullable=False),
        sa.Column("id", KEY, nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("updated_at", Instant(), nullable=False),
        sa.Column("made_by", KEY, nullable=False),
        sa.Column("rendered", sa.SmallInteger(), nullable=False),
        sa.Column("document", sa.LargeBinary(), nullable=False),
        sa.Column("external_id", KEY, nullable=True),
        sa.Column("kind", KEY, nullable=False),
        sa.Column("state", KEY, nullable=False),
        sa.Column("sort_name", KEY, nullable=False),
        sa.Column("merged_into", KEY, nullable=True),
        sa.ForeignKeyConstraint(
            ["workspace_id", "merged_into"],
            ["customer.workspace_id", "customer.id"],
        ),
        sa.PrimaryKeyConstraint("workspace_id", "id"),
    )
    op.create_index("customer_created", "customer", ["workspace_id", "created_at", "id"], unique=False)
    op.create_index("customer_external", "customer", ["workspace_id", "external_id"], unique=True)
    op.create_index("customer_name", "customer", ["workspace_id", "sort_name", "id"], unique=False)
    op.create_index("customer_state", "customer", ["workspace_id", "state", "created_at", "id"], unique=False)
    op.create_index("customer_updated", "customer", ["workspace_id", "updated_at", "id"], unique=False)


def _cases() -> None:
    op.create_table(
        "case",
        sa.Column("workspace_id", KEY, nullable=False),
        sa.Column("id", KEY, nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("updated_at", Instant(), nullable=False),
        sa.Column("made_by", KEY, nullable=False),
        sa.Column("rendered", sa.SmallInteger(), nullable=False),
        sa.Column("document", sa.LargeBinary(), nullable=False),
        sa.Column("external_id", KEY, nullable=True),
        sa.Column("type", KEY, nullable=False),
        sa.Column("state", KEY, nullable=False),
        sa.Column("channel", KEY, nullable=False),
        sa.Column("customer_id", KEY, nullable=True),
        sa.Column("parent_id", KEY, nullable=True),
        sa.Column("visibility", KEY, nullable=False),
        sa.Column("due_at", Instant(), nullable=True),
        sa.Column("due_place", Instant(), nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_id", "customer_id"], ["customer.workspace_id", "customer.id"], name="case_customer"
        ),
        sa.ForeignKeyConstraint(["workspace_id", "parent_id"], ["case.workspace_id", "case.id"], name="case_parent"),
        sa.PrimaryKeyConstraint("workspace_id", "id"),
    )
    op.create_index("case_channel", "case", ["workspace_id", "channel", "created_at", "id"], unique=False)
    op.create_index("case_created", "case", ["workspace_id", "created_at", "id"], unique=False)
    op.create_index("case_due", "case", ["workspace_id", "due_place", "id"], unique=False)
    op.create_index("case_external", "case", ["workspace_id", "external_id"], unique=True)
    op.create_index("case_of_customer", "case", ["workspace_id", "customer_id", "created_at", "id"], unique=False)
    op.create_index("case_of_parent", "case", ["workspace_id", "parent_id", "created_at", "id"], unique=False)
    op.create_index("case_state", "case", ["workspace_id", "state", "created_at", "id"], unique=False)
    op.create_index("case_type", "case", ["workspace_id", "type", "created_at", "id"], unique=False)
    op.create_index("case_updated", "case", ["workspace_id", "updated_at", "id"], unique=False)


def _tasks() -> None:
    op.create_table(
        "task",
        sa.Column("workspace_id", KEY, nullable=False),
        sa.Column("id", KEY, nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("updated_at", Instant(), nullable=False),
        sa.Column("made_by", KEY, nullable=False),
        sa.Column("rendered", sa.SmallInteger(), nullable=False),
        sa.Column("document", sa.LargeBinary(), nullable=False),
        sa.Column("external_id", KEY, nullable=True),
        sa.Column("case_id", KEY, nullable=False),
        sa.Column("state", KEY, nullable=False),
        sa.Column("kind", KEY, nullable=False),
        sa.Column("mode", KEY, nullable=False),
        sa.Column("assignee", KEY, nullable=True),
        sa.Column("visibility", KEY, nullable=False),
        sa.Column("due_at", Instant(), nullable=True),
        sa.Column("due_place", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["workspace_id", "case_id"], ["case.workspace_id", "case.id"], name="task_case"),
        sa.PrimaryKeyConstraint("workspace_id", "id"),
    )
    op.create_index("task_assignee", "task", ["workspace_id", "assignee", "created_at", "id"], unique=False)
    op.create_index("task_created", "task", ["workspace_id", "created_at", "id"], unique=False)
    op.create_index("task_due", "task", ["workspace_id", "due_place", "id"], unique=False)
    op.create_index("task_external", "task", ["workspace_id", "external_id"], unique=True)
    op.create_index("task_of_case", "task", ["workspace_id", "case_id", "created_at", "id"], unique=False)
    op.create_index("task_state", "task", ["workspace_id", "state", "created_at", "id"], unique=False)
    op.create_index("task_updated", "task", ["workspace_id", "updated_at", "id"], unique=False)


def _offers() -> None:
    op.create_table(
        "offer",
        sa.Column("workspace_id", KEY, nullable=False),
        sa.Column("id", KEY, nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("updated_at", Instant(), nullable=False),
        sa.Column("made_by", KEY, nullable=False),
        sa.Column("rendered", sa.SmallInteger(), nullable=False),
        sa.Column("document", sa.LargeBinary(), nullable=False),
        sa.Column("external_id", KEY, nullable=True),
        sa.Column("state", KEY, nullable=False),
        sa.Column("valid_after", Instant(), nullable=False),
        sa.Column("valid_before", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("workspace_id", "id"),
    )
    op.create_index("offer_created", "offer", ["workspace_id", "created_at", "id"], unique=False)
    op.create_index("offer_external", "offer", ["workspace_id", "external_id"], unique=True)
    op.create_index("offer_state", "offer", ["workspace_id", "state", "created_at", "id"], unique=False)
    op.create_index("offer_updated", "offer", ["workspace_id", "updated_at", "id"], unique=False)


def _log() -> None:
    op.create_table(
        "event",
        sa.Column("workspace_id", KEY, nullable=False),
        sa.Column("id", KEY, nullable=False),
        sa.Column("n", sa.BigInteger(), sa.Identity(always=True), nullable=not _postgresql()),
        sa.Column("sequence", sa.BigInteger(), nullable=True),
        sa.Column("type", KEY, nullable=False),
        sa.Column("subject", KEY, nullable=False),
        sa.Column("time", Instant(), nullable=False),
        sa.Column("recorded_time", Instant(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("made_by", KEY, nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("workspace_id", "id"),
        sa.UniqueConstraint("workspace_id", "sequence", name="event_sequence"),
    )
    op.create_index("event_subject", "event", ["workspace_id", "subject", "sequence"], unique=False)
    op.create_index("event_type", "event", ["workspace_id", "type", "sequence"], unique=False)
    op.create_index(
        "event_unnumbered",
        "event",
        ["n"],
        unique=False,
        postgresql_where=sa.text("sequence IS NULL"),
        sqlite_where=sa.text("sequence IS NULL"),
    )
    op.create_table(
        "counter",
        sa.Column("workspace_id", KEY, nullable=False),
        sa.Column("last", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("workspace_id"),
    )


def _support() -> None:
    op.create_table(
        "term",
        sa.Column("workspace_id", KEY, nullable=False),
        sa.Column("term", KEY, nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("resource_id", KEY, nullable=False),
        sa.PrimaryKeyConstraint("workspace_id", "term", "created_at", "resource_id"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "idempotency",
        sa.Column("workspace_id", KEY, nullable=False),
        sa.Column("application", KEY, nullable=False),
        sa.Column("key", KEY, nullable=False),
        sa.Column("request", sa.LargeBinary(), nullable=False),
        sa.Column("status", sa.SmallInteger(), nullable=False),
        sa.Column("headers", sa.Text(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("sealed", sa.Boolean(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("workspace_id", "application", "key"),
    )
    op.create_index("idempotency_age", "idempotency", ["created_at"], unique=False)


def _jobs() -> None:
    waiting = "state = 'queued'"
    unique = f"{waiting} AND unique_key IS NOT NULL"
    op.create_table(
        "job",
        sa.Column("id", KEY, nullable=False),
        sa.Column("workspace_id", KEY, nullable=True),
        sa.Column("kind", KEY, nullable=False),
        sa.Column("payload", Json(), nullable=False),
        sa.Column("unique_key", KEY, nullable=True),
        sa.Column("state", KEY, nullable=False),
        sa.Column("run_at", Instant(), nullable=False),
        sa.Column("attempts", sa.SmallInteger(), nullable=False),
        sa.Column("lease_until", Instant(), nullable=True),
        sa.Column("token", sa.BigInteger(), nullable=False),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("finished_at", Instant(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    _partial("job_due", ["run_at", "id"], waiting)
    _partial("job_unique", ["workspace_id", "kind", "unique_key"], unique, unique=True)
    _partial("job_unique_service", ["kind", "unique_key"], f"{unique} AND workspace_id IS NULL", unique=True)
    op.create_table(
        "job_schedule",
        sa.Column("kind", KEY, nullable=False),
        sa.Column("period", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("kind"),
    )


def _partial(name: str, columns: list[str], where: str, *, unique: bool = False) -> None:
    clause = sa.text(where)
    op.create_index(name, "job", columns, unique=unique, postgresql_where=clause, sqlite_where=clause)


def _search() -> None:
    """Full text: a `tsvector` on PostgreSQL, FTS5 on SQLite.

    Words come folded, so the tokenizer has only to split them; nobody asks where in a text they stand.
    """
    if not _postgresql():
        op.execute(
            "CREATE VIRTUAL TABLE search USING fts5"
            "(workspace_id UNINDEXED, resource_id UNINDEXED, words, tokenize = \"ascii\", prefix = '2 3', "
            "detail = none, columnsize = 0)"
        )
        return
    op.create_table(
        "search",
        sa.Column("workspace_id", KEY, nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("resource_id", KEY, nullable=False),
        sa.Column("words", postgresql.TSVECTOR(), nullable=False),
        sa.PrimaryKeyConstraint("workspace_id", "number"),
    )
    op.create_index("search_words", "search", ["words"], postgresql_using="gin")


def _roles() -> None:
    """Roles belong to the whole server, so they may be there already, or be made by another database just now."""
    for role in ("engage_app", "engage_system"):
        op.execute(
            f"DO $$ BEGIN CREATE ROLE {role} NOLOGIN; "
            "EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$"
        )
        op.execute(
            f"DO $$ BEGIN EXECUTE format('GRANT {role} TO %I', current_user); EXCEPTION WHEN OTHERS THEN NULL; END $$"
        )
        op.execute(f"GRANT USAGE ON SCHEMA public TO {role}")
        for table in (*WORKSPACE_TABLES, *SHARED_TABLES):
            op.execute(f'GRANT SELECT, INSERT, UPDATE, DELETE ON "{table}" TO {role}')


def _wall() -> None:
    for table in WORKSPACE_TABLES:
        op.execute(f'ALTER TABLE "{table}" ENABLE ROW LEVEL SECURITY')
        op.execute(
            f'CREATE POLICY own_workspace ON "{table}" TO engage_app '
            "USING (workspace_id = current_setting('app.workspace', true))"
        )
        op.execute(f'CREATE POLICY every_workspace ON "{table}" TO engage_system USING (true)')


def _first_rows() -> None:
    """The operator's own organization, application and workspace, and the plans.

    Plans are data: change them in the table.
    """
    now = datetime.now(UTC)
    text, number = sa.column, sa.column
    organization = sa.table(
        "organization", text("id"), text("kind"), text("name"), text("state"), sa.column("created_at", Instant())
    )
    application = sa.table(
        "application",
        text("id"),
        text("organization_id"),
        text("name"),
        text("state"),
        sa.column("created_at", Instant()),
    )
    workspace = sa.table(
        "workspace", text("id"), text("kind"), text("name"), text("organization_id"), sa.column("created_at", Instant())
    )
    plan = sa.table("plan", text("name"), number("requests"), number("seconds"), number("burst"))
    op.bulk_insert(
        organization,
        [{"id": "org_operator", "kind": "internal", "name": "Operator", "state": "approved", "created_at": now}],
    )
    op.bulk_insert(
        application,
        [
            {
                "id": "app_operator",
                "organization_id": "org_operator",
                "name": "Operator",
                "state": "live",
                "created_at": now,
            }
        ],
    )
    op.bulk_insert(
        workspace,
        [{"id": "live", "kind": "live", "name": "Live", "organization_id": "org_operator", "created_at": now}],
    )
    op.bulk_insert(
        plan,
        [
            {"name": "developer", "requests": 600, "seconds": 60, "burst": 50},
            {"name": "partner", "requests": 6_000, "seconds": 60, "burst": 300},
            {"name": "internal", "requests": 60_000, "seconds": 60, "burst": 3_000},
            {"name": "unlimited", "requests": 1_000_000_000, "seconds": 60, "burst": 100_000_000},
        ],
    )
