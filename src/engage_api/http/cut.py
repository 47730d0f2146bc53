"""An answer that is lost on its way: the connection closes before any of it was sent, or in the middle of its body.

Only what somebody asked for in a sandbox goes this way.
"""

import asyncio

from starlette.types import Message, Receive, Scope, Send

from engage_api.http.middleware import ABORT, SHUT

PATIENCE = 1.0  # seconds for what has been sent to be taken; then the connection is let go of all the same


class Cut:
    """Stands in the place of a request's `send`. Where nobody can close the connection, the answer is sent as usual.

    `middle`: half of the first piece of the body is sent before, if there is one of at least two bytes.
    """

    __slots__ = ("_head", "_middle", "_over", "_receive", "_scope", "_send")

    def __init__(self, scope: Scope, receive: Receive, *, middle: bool) -> None:
        self._scope = scope
        self._receive = receive
        self._middle = middle
        self._send: Send
        self._head: Message | None = None
        self._over = False

    def onto(self, send: Send) -> Send:
        """What the answer is to be sent by, which itself would send by this."""
        self._send = send
        return self.send if SHUT in self._scope.get("extensions", {}) else send

    async def send(self, message: Message) -> None:
        if self._over:
            return
        if message["type"] == "http.response.start" and self._middle:
            self._head = message
            return
        body = message.get("body", b"")
        if self._head is not None and len(body) > 1:
            await self._send(self._head)
            await self._send({"type": "http.response.body", "body": body[: len(body) // 2], "more_body": True})
        elif self._head is not None and message.get("more_body"):
            return
        await self._close()

    async def _close(self) -> None:
        """Close, and wait until the server knows: it would take what follows for a mistake."""
        self._over = True
        doors = self._scope["extensions"]
        doors[SHUT]()
        try:
            async with asyncio.timeout(PATIENCE):
                await self._gone()
        except TimeoutError:  # it does not take what was sent
            doors[ABORT]()
            await self._gone()

    async def _gone(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
