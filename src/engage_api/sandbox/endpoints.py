"""Webhook endpoints of a copy: their secrets are encrypted anew, and they begin at the end of its log."""

from dataclasses import dataclass

from sqlalchemy import BindParameter, bindparam, func, insert, literal, select

from engage_api.db.engine import Transaction
from engage_api.db.row import KEY, CounterRow
from engage_api.db.sql import Query
from engage_api.events.webhooks.models import WebhookCursorRow, WebhookEndpointRow, WebhookHealthRow
from engage_api.events.webhooks.secret_models import WebhookSecretSealRow
from engage_api.events.webhooks.secrets import Box

_seal = WebhookSecretSealRow.__table__  # type: ignore[attr-defined]
_counter = CounterRow.__table__  # type: ignore[attr-defined]
_endpoint = WebhookEndpointRow.__table__  # type: ignore[attr-defined]
_health = WebhookHealthRow.__table__  # type: ignore[attr-defined]
_cursor = WebhookCursorRow.__table__  # type: ignore[attr-defined]
_SEALED = Query(
    select(_seal.c.secret_id, _seal.c.sealed)
    .where(_seal.c.workspace_id == bindparam("at_workspace"), _seal.c.secret_id > bindparam("after"))
    .order_by(_seal.c.secret_id)
    .limit(bindparam("rows"))
)
_SEAL = Query(insert(_seal), [c.name for c in _seal.columns])
_here: BindParameter[str] = bindparam("at_workspace", type_=KEY)
_mine = _endpoint.c.workspace_id == _here
_end = select(func.coalesce(func.max(_counter.c.last), 0)).where(_counter.c.workspace_id == _here).scalar_subquery()
_HEALTH = Query(
    insert(_health).from_select(
        ["workspace_id", "endpoint_id", "starts_after", "failures"],
        select(_endpoint.c.workspace_id, _endpoint.c.id, _end, literal(0)).where(_mine),
    )
)
_CURSOR = Query(
    insert(_cursor).from_select(
        ["workspace_id", "sequence"], select(_endpoint.c.workspace_id, _end).where(_mine).limit(1)
    )
)


async def place(tx: Transaction, workspace: str) -> None:
    """Let them begin at the end of the log."""
    await tx.run(_HEALTH, at_workspace=workspace)
    await tx.run(_CURSOR, at_workspace=workspace)


@dataclass(slots=True)
class Seals:
    """Their secrets. One that cannot be read any more is left out."""

    source: str
    target: str
    box: Box
    after: str = ""

    async def step(self, tx: Transaction, rows: int) -> int:
        """So many of them."""
        found = await tx.fetch(_SEALED, at_workspace=self.source, after=self.after, rows=rows)
        for row in found:
            value = self.box.open(self.source, row.secret_id, row.sealed)
            if value is not None:
                sealed = self.box.seal(self.target, row.secret_id, value)
                await tx.run(_SEAL, workspace_id=self.target, secret_id=row.secret_id, sealed=sealed)
            self.after = row.secret_id
        return len(found)
