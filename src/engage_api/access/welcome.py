"""The guard of what needs a credential of nobody, and does more for whoever has one."""

from typing import Any

from fastapi import Depends, Request

from engage_api.access.guard import Anyone, Guard
from engage_api.access.worlds import LIVE, USUAL_PLAN
from engage_api.core.principal import NOBODY, Plan, Principal
from engage_api.core.scopes import Scope
from engage_api.http.call import Call

STRANGER = Principal(NOBODY, "", "", LIVE, True, frozenset(), Plan(USUAL_PLAN, 1, 1, 1), False)
"""Who calls without a credential: sees nothing, may nothing, and has no plan of their own."""


class Welcome(Guard):
    """Lets in whoever shows no credential at all, counted per address; and as every guard whoever shows one.

    One that is wrong is refused: nobody is to take for their own what was made for a stranger.
    """

    async def __call__(self, request: Request) -> Call:
        if any(name == b"authorization" for name, _ in request.scope["headers"]):
            return await super().__call__(request)
        stranger = await Anyone()(request)
        request.scope["state"]["headers"].append(self._header)
        return Call(request, STRANGER, stranger.services)


def welcome(scope: Scope) -> Any:
    """The dependency for a route that is open to all, on the WELCOME list, where credentials need this scope."""
    return Depends(Welcome(scope))
