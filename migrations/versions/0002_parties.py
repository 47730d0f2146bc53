"""Organizations and applications become resources of the live workspace, and applications get client secrets.

Other workspaces go on naming them by their id alone, which stays unique.
"""

import json
from typing import Any

import sqlalchemy as sa
from alembic import op

from engage_api.core import clock, ids
from engage_api.core.scopes import Scope
from engage_api.db import search
from engage_api.db.base import Instant
from engage_api.db.row import KEY

revision = "0002"
down_revision = "0001"

TABLES = ("organization", "application", "client_secret", "client_secret_mark")
MAKER = "app_operator"


def upgrade() -> None:
    """Make the tables anew, with the rows that they had."""
    organizations, applications = _rows("organization"), _rows("application")
    if _postgresql():
        for table, key in (("application", "organization"), ("workspace", "organization"), ("api_key", "application")):
            op.drop_constraint(f"{table}_{key}_id_fkey", table, type_="foreignkey")
    op.drop_table("application")
    op.drop_table("organization")
    _organization()
    _application()
    _client_secret()
    for row in organizations:
        _keep("organization", row, {"kind": row.kind, "plan": _plan(row.kind)}, {"state": row.state})
    for row in applications:
        asked = {
            "scopes": sorted(Scope),
            "redirectUris": [],
            "clientType": "confidential",
            "accessTokenFormat": "opaque",
        }
        _keep("application", row, asked, _of_application(row), ("organization_id", "state"))
    if _postgresql():
        for table, key in (("workspace", "organization"), ("api_key", "application")):
            op.create_foreign_key(f"{table}_{key}_id_fkey", table, key, [f"{key}_id"], ["id"])
        _wall()


def _postgresql() -> bool:
    return op.get_bind().dialect.name == "postgresql"


def _rows(table: str) -> list[Any]:
    columns = ["id", "name", "state", *(["kind"] if table == "organization" else ["organization_id"])]
    chosen = [*(sa.column(name) for name in columns), sa.column("created_at", Instant())]
    return list(op.get_bind().execute(sa.select(*chosen).select_from(sa.table(table))))


def _common() -> list[sa.Column[Any]]:
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


def _lists(table: str) -> None:
    op.create_index(f"{table}_created", table, ["workspace_id", "created_at", "id"], unique=False)
    op.create_index(f"{table}_updated", table, ["workspace_id", "updated_at", "id"], unique=False)


def _organization() -> None:
    op.create_table(
        "organization",
        *_common(),
        sa.Column("external_id", KEY, nullable=True),
        sa.Column("kind", KEY, nullable=False),
        sa.Column("state", KEY, nullable=False),
        sa.Column("plan", KEY, nullable=False),
        sa.ForeignKeyConstraint(["plan"], ["plan.name"]),
        sa.PrimaryKeyConstraint("workspace_id", "id"),
        sa.UniqueConstraint("id", name="organization_id_alone"),
    )
    _lists("organization")
    op.create_index("organization_external", "organization", ["workspace_id", "external_id"], unique=True)
    op.create_index("organization_state", "organization", ["workspace_id", "state", "created_at", "id"], unique=False)


def _application() -> None:
    op.create_table(
        "application",
        *_common(),
        sa.Column("external_id", KEY, nullable=True),
        sa.Column("organization_id", KEY, nullable=False),
        sa.Column("state", KEY, nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_id", "organization_id"],
            ["organization.workspace_id", "organization.id"],
            name="application_organization",
        ),
        sa.PrimaryKeyConstraint("workspace_id", "id"),
        sa.UniqueConstraint("id", name="application_id_alone"),
    )
    _lists("application")
    external = ["workspace_id", "organization_id", "external_id"]  # what another party calls its own is nobody's affair
    op.create_index("application_external", "application", external, unique=True)
    op.create_index("application_state", "application", ["workspace_id", "state", "created_at", "id"], unique=False)
    owned = ["workspace_id", "organization_id", "created_at", "id"]
    op.create_index("application_of_organization", "application", owned, unique=False)


def _client_secret() -> None:
    op.create_table(
        "client_secret",
        *_common(),
        sa.Column("application_id", KEY, nullable=False),
        sa.Column("organization_id", KEY, nullable=False),
        sa.Column("environment", KEY, nullable=False),
        sa.Column("expires_at", Instant(), nullable=True),
        sa.ForeignKeyConstraint(
            ["workspace_id", "application_id"],
            ["application.workspace_id", "application.id"],
            name="client_secret_application",
        ),
        sa.PrimaryKeyConstraint("workspace_id", "id"),
        sa.UniqueConstraint("id", name="client_secret_id_alone"),
    )
    _lists("client_secret")
    owned = ["workspace_id", "application_id", "created_at", "id"]
    op.create_index("client_secret_of_application", "client_secret", owned, unique=False)
    op.create_table(
        "client_secret_mark",
        sa.Column("workspace_id", KEY, nullable=False),
        sa.Column("secret_id", KEY, nullable=False),
        sa.Column("fingerprint", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_id", "secret_id"], ["client_secret.workspace_id", "client_secret.id"], ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("workspace_id", "secret_id"),
    )
    op.create_index("client_secret_fingerprint", "client_secret_mark", ["fingerprint"], unique=True)


def _wall() -> None:
    """As in 0001: who is in one workspace sees that one."""
    for table in TABLES:
        op.execute(f'GRANT SELECT, INSERT, UPDATE, DELETE ON "{table}" TO engage_app, engage_system')
        op.execute(f'ALTER TABLE "{table}" ENABLE ROW LEVEL SECURITY')
        op.execute(
            f'CREATE POLICY own_workspace ON "{table}" TO engage_app '
            "USING (workspace_id = current_setting('app.workspace', true))"
        )
        op.execute(f'CREATE POLICY every_workspace ON "{table}" TO engage_system USING (true)')


def _plan(kind: str) -> str:
    return "internal" if kind == "internal" else "developer"


def _of_application(row: Any) -> dict[str, Any]:
    return {
        "organizationId": row.organization_id,
        "state": row.state,
        "grantedScopes": sorted(Scope) if row.state == "live" else [],
        "testClientId": f"{row.id}.test",
        "liveClientId": f"{row.id}.live",
    }


def _keep(
    table: str, row: Any, said: dict[str, Any], more: dict[str, Any], columns: tuple[str, ...] = ("kind", "state")
) -> None:
    """One row with its document in the shape that it has at this revision, and its words."""
    moment = row.created_at.replace(microsecond=row.created_at.microsecond // 1000 * 1000)
    made = clock.wire(moment)
    head = {"id": row.id, "createdAt": made, "updatedAt": made, "version": 1, "externalId": None, "name": row.name}
    document = json.dumps({**head, **said, "metadata": {}, **more}, separators=(",", ":"), ensure_ascii=False)
    values = {
        "workspace_id": "live",
        "id": row.id,
        "version": 1,
        "created_at": moment,
        "updated_at": moment,
        "made_by": MAKER,
        "rendered": 1,
        "document": document.encode(),
        **{name: getattr(row, name) for name in columns},
        **({"plan": said["plan"]} if "plan" in said else {}),
    }
    types = {"created_at": Instant(), "updated_at": Instant()}
    op.bulk_insert(sa.table(table, *(sa.column(name, types.get(name)) for name in values)), [values])
    _tell(table, values)
    _find(table, row)


def _tell(table: str, values: dict[str, Any]) -> None:
    """The event of the row. PostgreSQL's sequencer numbers it, on SQLite that is done here."""
    line = {
        "workspace_id": values["workspace_id"],
        "id": ids.new("evt"),
        "type": f"engage.{table}.created.v1",
        "subject": values["id"],
        "time": values["created_at"],
        "recorded_time": clock.host(),
        "actor": f"application:{MAKER}",
        "made_by": MAKER,
        "data": values["document"],
    }
    if not _postgresql():
        counter = sa.table("counter", sa.column("workspace_id"), sa.column("last"))
        here = counter.c.workspace_id == values["workspace_id"]
        last = op.get_bind().execute(sa.select(counter.c.last).where(here)).scalar()
        if last is None:
            op.execute(sa.insert(counter).values(workspace_id=values["workspace_id"], last=1))
        else:
            op.execute(sa.update(counter).where(here).values(last=last + 1))
        line["sequence"] = (last or 0) + 1
    types = {"time": Instant(), "recorded_time": Instant()}
    op.bulk_insert(sa.table("event", *(sa.column(name, types.get(name)) for name in line)), [line])


def _find(table: str, row: Any) -> None:
    given = search.parameters("live", table, row.id, [row.name])
    words = sa.literal(given["words"])
    names = ("number", "rowid", "workspace_id", "resource_id", "words")
    found = sa.table("search", *(sa.column(name) for name in names))
    values = {"workspace_id": given["workspace"], "resource_id": given["resource"]}
    if _postgresql():
        parted = sa.func.array_to_tsvector(sa.func.string_to_array(words, " "))
        op.execute(sa.insert(found).values(number=given["number"], words=parted, **values))
    else:
        op.execute(sa.insert(found).values(rowid=given["number"], words=words, **values))
