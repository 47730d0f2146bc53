"""What tells whether a database was begun with this secret."""

import sqlalchemy as sa
from alembic import op

from engage_api.db.row import KEY

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Make the table, for `engage_system` alone."""
    op.create_table(
        "seal",
        sa.Column("name", KEY, nullable=False),
        sa.Column("value", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    if op.get_bind().dialect.name == "postgresql":
        op.execute("GRANT SELECT, INSERT, UPDATE ON seal TO engage_system")
