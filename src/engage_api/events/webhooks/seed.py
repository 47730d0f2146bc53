"""The webhook endpoint in a sandbox's story: an example that nothing is sent to."""

from collections.abc import Iterator

from engage_api.core.principal import Principal
from engage_api.db import store
from engage_api.db.engine import Transaction
from engage_api.db.story import Setting, Step, in_office
from engage_api.events.webhooks import ledger
from engage_api.events.webhooks.models import WEBHOOK_ENDPOINT, WebhookEndpointCreate

WHEN = 20.0  # days before the end
NAME = "demo-webhook:1"


def told(setting: Setting) -> Iterator[Step]:
    """Somebody began with a planning board, and never gave it a secret."""
    yield Step(in_office(setting.ago(WHEN), setting.begins), _begin)


async def _begin(tx: Transaction, who: Principal) -> None:
    """Disabled from the start, for there is no secret to sign with: a secret never comes from a seed."""
    wanted = WebhookEndpointCreate(
        external_id=NAME,
        url="https://hooks.example.org/engage",
        types=["engage.case.*", "engage.task.*"],
        description="An example: a planning board that wants to know of cases and tasks.",
    )
    own = {"application_id": who.application, "state": "disabled", "state_reason": "unsigned"}
    after = await ledger.hold(tx, who.workspace)
    made = await store.create(tx, who, WEBHOOK_ENDPOINT, {**dict(wanted), **own})
    await ledger.add(tx, who.workspace, made.model.id, after)
