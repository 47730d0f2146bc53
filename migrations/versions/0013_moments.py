"""When time next changes a resource: a column with its index, filled for what is there.

What has passed already is told once, soon after the start: an open task or case whose due date is over, an active offer
whose validity is, a key or client secret that has expired. Each event says when it happened, and when it was written.
"""

from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

from engage_api.db.base import Instant

revision = "0013"
down_revision = "0012"

MOMENTS = {
    "task": ("due_at", "state NOT IN ('completed', 'skipped')"),
    "case": ("due_at", "state IN ('received', 'accepted', 'in-progress', 'waiting')"),
    "offer": ("valid_before", "state = 'active'"),
    "api_key": ("expires_at", "true"),
    "client_secret": ("expires_at", "true"),
}
NEVER = datetime(9999, 12, 31, tzinfo=UTC)  # of offers without an end
SOME = sa.text("moment_at IS NOT NULL")


def upgrade() -> None:
    """Add the column to each table, fill it, and make its index."""
    for table, (column, where) in MOMENTS.items():
        op.add_column(table, sa.Column("moment_at", Instant(), nullable=True))
        op.execute(_fill(table, column, where))
        place = ["workspace_id", "moment_at", "id"]
        op.create_index(f"{table}_moment", table, place, postgresql_where=SOME, sqlite_where=SOME)


def _fill(table: str, column: str, where: str) -> sa.TextClause:
    update = f'UPDATE "{table}" SET moment_at = {column} WHERE {column} < :never AND {where}'  # noqa: S608  # constants
    return sa.text(update).bindparams(sa.bindparam("never", NEVER, type_=Instant()))
