"""Who has no account is counted by where they call from: each may be another application at every call."""

from ipaddress import IPv6Network

from engage_api.core.principal import Plan
from engage_api.core.problem import TooManyRequests
from engage_api.http.limits import Limits
from engage_api.http.windows import Seconds

WIDER = 5  # times as many of an IPv6 /48: one subscriber may have it, and it has 65,536 that count as an address
SEVERAL = 3  # times what one application may ask for: so much all guests of an address may


async def spend(limits: Limits, address: str, item: Seconds) -> int:
    """Count one more of this address. Returns the seconds to wait when it has had too many, else 0."""
    wait = await limits.spend_address(item, address)
    if not wait and "/" in address:
        wider = Seconds(WIDER * item.amount, item.multiples, f"{item.namespace} of a network")
        wait = await limits.spend_address(wider, str(IPv6Network(address).supernet(new_prefix=48)))
    return wait


async def require_share(limits: Limits, address: str, plan: Plan) -> None:
    """Count a request of a guest, who is counted as an application, too.

    Raises:
        TooManyRequests: the guests of this address have asked for too much.
    """
    most = SEVERAL * plan.window
    wait = await spend(limits, address, Seconds(most, plan.window_seconds, "calls of guests"))
    if wait:
        told = f"Without an account an address may make {most} requests in {plan.window_seconds} seconds."
        raise TooManyRequests(f"{told} Try again in {wait} seconds.", headers={"Retry-After": str(wait)})
