"""An offer's validity ends."""

from datetime import datetime

from engage_api.core.principal import Principal
from engage_api.db import store
from engage_api.db.engine import Transaction
from engage_api.db.store import Stored
from engage_api.jobs import moments
from engage_api.offers.models import OFFER, Offer


@moments.passes(OFFER)
async def retire(tx: Transaction, who: Principal, offer: Stored[Offer], at: datetime) -> Stored[Offer]:
    """It does not hold any more, so it is history."""
    return await store.change(tx, who, OFFER, offer, {"state": "retired"}, store.Happened("expired", at))
