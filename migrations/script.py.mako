"""${message}."""

import sqlalchemy as sa
from alembic import op

from engage_api.db.base import Exact, Instant, Json
from engage_api.db.row import KEY

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}


def upgrade() -> None:
    ${upgrades if upgrades else "pass"}
