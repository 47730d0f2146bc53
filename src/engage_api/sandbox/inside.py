"""A call from who manages a sandbox, as if from within it."""

from dataclasses import replace

from engage_api.http.call import Call
from engage_api.sandbox.service import require


async def inside(call: Call, sandbox_id: str) -> Call:
    """The same caller where the sandbox's data are, all of which they see; the caller manages the sandbox.

    Raises:
        NotFound: they do not, or there is none.
    """
    await require(call.db, call.principal, sandbox_id)
    there = replace(call.principal, workspace=sandbox_id, live=False, sees_workspace=True)
    return Call(call.request, there, call.services)
