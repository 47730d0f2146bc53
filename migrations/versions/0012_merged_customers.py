"""Who was merged into a customer is found at once: else each one that is deleted is looked for among all."""

from alembic import op
from sqlalchemy import text

revision = "0012"
down_revision = "0011"

MERGED = text("merged_into IS NOT NULL")


def upgrade() -> None:
    """Make the index."""
    op.create_index(
        "customer_merged",
        "customer",
        ["workspace_id", "merged_into"],
        postgresql_where=MERGED,
        sqlite_where=MERGED,
    )
