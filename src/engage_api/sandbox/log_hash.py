"""One number for all that happened in a sandbox: the same calls in the same world give the same one.

SHA-256 over one line for each event, in the order of the log: canonical JSON (RFC 8785) of its sequence, id, type,
subject, time and data, and a line feed. What no seed decides is masked before that: see `line`.
"""

import asyncio
import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from engage_api.core.principal import Principal
from engage_api.db import log
from engage_api.db.engine import Database
from engage_api.db.log import Line
from engage_api.sandbox import canonical

PORTION = 500  # events that are read at once
AT_ONCE = 2  # that are computed in a process: each takes a processor
MEMBERS = ("sequence", "id", "type", "subject", "time", "data")
HIDDEN = frozenset({"hint", "publicKey", "lastUsedAt"})
"""Members of `data` that come from a secret, which no seed makes, or from the host's time."""

_turns = asyncio.Semaphore(AT_ONCE)


class Digest(NamedTuple):
    """The hash, over how many events, and the id of the last of them."""

    hash: str
    events: int
    last: str | None


async def read(db: Database, who: Principal, own: Mapping[str, str]) -> Digest:
    """Of the whole log, for somebody who sees all of it: as far as it goes now, a portion at a time."""
    digest, after, number, last = hashlib.sha256(), 0, 0, None
    until = await log.last(db, who.workspace)
    async with _turns:
        while after < until:
            found = await log.page(db, who, after=after, limit=min(PORTION, until - after), filters={})
            if not found:
                break
            await asyncio.to_thread(_add, digest, found, own)
            after, last, number = found[-1].sequence, found[-1].id, number + len(found)
    return Digest(f"sha256:{digest.hexdigest()}", number, last)


def _add(digest: Any, lines: Iterable[Line], own: Mapping[str, str]) -> None:
    for one in lines:
        digest.update(line(json.loads(one.document), own).encode())


def line(event: Mapping[str, Any], own: Mapping[str, str]) -> str:
    """The line of an event, as `GET /v1/events` answers it. The members of `data` that no seed decides are null in it,
    and each of `own` stands as its other name, wherever it occurs.
    """
    told = {name: event[name] for name in MEMBERS}
    told["data"] = {name: None if name in HIDDEN else value for name, value in told["data"].items()}
    text = canonical.text(told)
    for name, other in own.items():
        text = text.replace(name, other)
    return text + "\n"
