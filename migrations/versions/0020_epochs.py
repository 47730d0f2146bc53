"""How often the log of a sandbox has begun anew, for whoever follows it over a reset; and the first key of a copy."""

import sqlalchemy as sa
from alembic import op

from engage_api.db.row import KEY

revision = "0020"
down_revision = "0019"


def upgrade() -> None:
    """Count from none on, and know of none."""
    op.add_column("world", sa.Column("epoch", sa.BigInteger(), server_default="0", nullable=False))
    op.add_column("world", sa.Column("first_key", KEY, nullable=True))
