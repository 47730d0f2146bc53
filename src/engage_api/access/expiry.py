"""Keys and client secrets expire.

The guard and the token endpoint compare the clock themselves, so a key ends to the millisecond; this only tells of it.
"""

from datetime import datetime

from engage_api.access.applications.secret_models import CLIENT_SECRET, ClientSecret
from engage_api.access.models import API_KEY, ApiKey
from engage_api.core.principal import Principal
from engage_api.db import store
from engage_api.db.engine import Transaction
from engage_api.db.store import Stored
from engage_api.jobs import moments


@moments.passes(API_KEY)
async def key_expired(tx: Transaction, who: Principal, key: Stored[ApiKey], at: datetime) -> Stored[ApiKey]:
    """The key has stopped working."""
    return await store.change(tx, who, API_KEY, key, {"expired_at": at}, store.Happened("expired", at))


@moments.passes(CLIENT_SECRET)
async def secret_expired(
    tx: Transaction, who: Principal, secret: Stored[ClientSecret], at: datetime
) -> Stored[ClientSecret]:
    """The client secret has stopped working."""
    return await store.change(tx, who, CLIENT_SECRET, secret, {"expired_at": at}, store.Happened("expired", at))
