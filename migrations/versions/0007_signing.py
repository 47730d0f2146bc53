"""Signing keys, and who somebody is at an outside provider."""

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Nothing yet."""
