"""How often somebody may try: per address they come from, per account that they try, and per both together.

Who guesses at one account from one address soon waits. What is allowed for the account alone is many times that: else
anybody could keep its person out.
"""

from typing import NamedTuple

from starlette.requests import Request

from engage_api.access.accounts import sessions
from engage_api.access.accounts.refusals import TooMany
from engage_api.http.call import Services
from engage_api.http.middleware import counted_as
from engage_api.http.windows import Seconds


class Policy(NamedTuple):
    """What one address and what one account is allowed, and that address for that account."""

    address: Seconds
    account: Seconds
    both: Seconds | None = None


SIGN_IN = Policy(Seconds(30, 60, "sign-in"), Seconds(100, 60, "sign-in-account"), both=Seconds(10, 60, "sign-in-both"))
SIGN_UP = Policy(Seconds(10, 60, "sign-up"), Seconds(5, 600, "mail-account"))
RESET = Policy(Seconds(10, 60, "reset"), Seconds(5, 600, "mail-account"))
ORGANIZE = Policy(Seconds(120, 60, "organize"), Seconds(60, 60, "organize-account"))
INVITE = Policy(Seconds(20, 600, "invite"), Seconds(5, 600, "mail-account"))
LINK = Policy(Seconds(30, 60, "link"), Seconds(10, 60, "link-account"))


async def spend(request: Request, policy: Policy, account: str) -> None:
    """Count one attempt; `account` is an e-mail address, folded, or whatever names what is tried.

    Besides, every attempt counts as a request of somebody unknown (`http/middleware`).

    Raises:
        TooMany: there have been too many.
    """
    state = request.scope["state"]
    state["counted"] = True
    services: Services = state["services"]
    named = sessions.of(request).mark(account).hex()[:32]  # nobody's address stands in a shared store
    address = counted_as(request.scope)
    # The account comes last: what is refused before does not count against its person.
    for item, who in ((policy.address, address), (policy.both, f"{named} {address}"), (policy.account, named)):
        if item and (wait := await services.limits.spend_address(item, who)):
            raise TooMany(wait)
