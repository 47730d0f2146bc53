"""The floor of webhooks: `python -m benchmarks.posting URL NUMBER` posts signed events as a worker does, with no
database and nothing to write down.
"""

import asyncio
import sys

from engage_api.events.webhooks.courier import WIDTH
from engage_api.events.webhooks.sender import Sender
from engage_api.events.webhooks.signing import new_key
from engage_api.settings import Settings

BODY = b'{"specversion":"1.0","data":"' + b"x" * 800 + b'"}'


async def post(url: str, number: int, width: int) -> None:
    """So many, of which `width` are under way at once."""
    sender, keys, left = Sender.open(Settings(outbound_loopback=True)), [new_key("hmac")], iter(range(number))

    async def one_after_the_other() -> None:
        for n in left:
            assert (await sender.attempt(url, keys, f"evt_{n}", BODY, "org_a")).taken

    await asyncio.gather(*(one_after_the_other() for _ in range(width)))


if __name__ == "__main__":
    asyncio.run(post(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]) * WIDTH))
