"""The events of one application in the order of the log, so that it need not pass over all others' to find its own."""

from alembic import op

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    """Index the log by whose an event is."""
    op.create_index("event_made_by", "event", ["workspace_id", "made_by", "sequence"])
