"""People without an account: each has an application of their own, in an organization that all of them share.

They have nothing else in common. How many there may be is bounded: per address, and in all.
"""

from dataclasses import replace
from typing import Any

from engage_api.access import operator, strangers
from engage_api.access.applications import service as applications
from engage_api.access.applications.models import APPLICATION
from engage_api.access.organizations.models import ORGANIZATION
from engage_api.access.welcome import STRANGER
from engage_api.access.worlds import GUESTS, LIVE, OF_SANDBOXES, USUAL_PLAN
from engage_api.core import ids, secret
from engage_api.core.principal import Principal
from engage_api.core.problem import Fault, InvalidRequest, TooManyRequests
from engage_api.db import reader, store
from engage_api.db.engine import Database, Transaction
from engage_api.db.errors import Conflict
from engage_api.http.call import Call
from engage_api.http.middleware import counted_as
from engage_api.http.windows import Seconds

HOUR, STAY = 3_600, 3 * 86_400  # seconds; the longer one is for how long a guest may stay
LONG = 10  # times as many in that as in an hour: or an address alone would fill the room for all
SHORTEST_KEY = 20  # characters of an idempotency key: what a stranger can guess is no secret
NAME = "Guests"


def known_as(call: Call) -> Principal:
    """A stranger, as repetitions of their request are known: by their address, of which a fingerprint is kept.

    Raises:
        InvalidRequest: their idempotency key could be guessed by others at the address, and with it the answer.
    """
    key = call.request.headers.get("idempotency-key")
    if key is not None and len(key) < SHORTEST_KEY:
        told = f"Without an account at least {SHORTEST_KEY} characters that nobody can guess, such as a UUID."
        raise InvalidRequest(errors=[Fault("too-short", told, parameter="Idempotency-Key")])
    mark = secret.fingerprint(call.services.pepper, f"guest {counted_as(call.request.scope)}")
    return replace(STRANGER, application=f"guest {mark.hex()}", organization=GUESTS)


async def let_in(call: Call) -> None:
    """Count one more of this address, and see to it that there is an organization for guests.

    Raises:
        TooManyRequests: the address has had its share.
    """
    services, address = call.services, counted_as(call.request.scope)
    hourly = services.guests.hourly
    shares = Seconds(hourly, HOUR, "guests"), Seconds(LONG * hourly, STAY, "guests that stay")
    wait = 0
    for share in shares:
        wait = wait or await strangers.spend(services.limits, address, share)
    if wait:
        told = (
            f"Without an account an address may make {hourly} sandboxes in an hour, {LONG * hourly} in three days. "
            "With the key of one that you have, you can reset it, fork it or make another; or sign up."
        )
        raise TooManyRequests(told, headers={"Retry-After": str(wait)})
    await _prepare(call.db)


async def _prepare(db: Database) -> None:
    maker = await operator.principal(db, LIVE)
    if await reader.document(db, maker, ORGANIZATION, GUESTS) is not None:
        return
    party: dict[str, Any] = {"id": GUESTS, "external_id": None, "name": NAME, "metadata": {}}
    try:
        async with db.write(LIVE) as tx:
            rights = {"kind": "developer", "plan": USUAL_PLAN, "state": "approved"}
            await store.create(tx, maker, ORGANIZATION, party | rights)
    except Conflict:  # somebody else came first just now
        return


async def enter(tx: Transaction, maker: Principal) -> Principal:
    """A guest with an application of their own, at home; `maker` is the operator. Guests enter one after the other."""
    organization = await reader.find(tx, maker, ORGANIZATION, GUESTS)
    plan = replace(STRANGER.plan, name=organization.model.plan) if organization else STRANGER.plan
    application = ids.new(APPLICATION.prefix)
    program: dict[str, Any] = {"id": application, "organization_id": GUESTS, "external_id": None, "name": "Guest"}
    program |= {"metadata": {}, "scopes": sorted(OF_SANDBOXES), **applications.born(application)}
    await store.create(tx, maker, APPLICATION, program)
    return replace(STRANGER, credential=application, application=application, organization=GUESTS, plan=plan)
