"""What people allow: codes, consents, refresh tokens and device codes."""

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Nothing yet."""
