"""One number for all that happened in a sandbox: the same calls in the same world give the same one.

SHA-256 over one line for each event, in the order of the log: canonical JSON (RFC 8785) of its sequence, id, type,
subject, time and data, and a line feed. What no seed decides is masked before that: see `line`.
"""

import asyncio
import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

from engage_api.core.principal import Principal
from engage_api.core.problem import Unavailable
from engage_api.db import log
from engage_api.db.engine import Database
from engage_api.db.log import Line
from engage_api.sandbox import canonical
from engage_api.sandbox.own import Names, renamed

PORTION = 500  # events that are read at once; then others have their turn, for each takes the processor
PATIENCE = 20.0  # seconds of one call; the next one goes on where it was
MOST = 1_000  # sandboxes of which a process remembers how far it was
AGAIN = "1"  # seconds
MEMBERS = ("sequence", "id", "type", "subject", "time", "data")
HIDDEN = frozenset({"hint", "publicKey", "lastUsedAt"})
"""Members of `data` that come from a secret, which no seed makes, or from the host's time."""

_turn = asyncio.Semaphore(1)


class Digest(NamedTuple):
    """The hash, over how many events, and the id of the last of them."""

    hash: str
    events: int
    last: str | None


class _Kept(NamedTuple):
    """How far it was. It is good for one world as long as nothing that `mark` names changes: ids do not tell, for after
    a reset the same ones are drawn again.
    """

    mark: object
    digest: Any
    after: int = 0
    number: int = 0
    last: str | None = None


_kept: WeakKeyDictionary[Database, dict[str, _Kept]] = WeakKeyDictionary()


async def read(db: Database, who: Principal, own: Names, version: int) -> Digest:
    """Of the whole log, for somebody who sees all of it: as far as it goes now, a portion at a time. `version` is
    another one after each reset and restoration.

    Raises:
        Unavailable: it is a long one. Whoever asks again goes on from there.
    """
    until, first = await log.last(db, who.workspace), await log.page(db, who, after=0, limit=1, filters={})
    mark = (version, [one.sequence for one in first], dict(own))
    state, known = _Kept(mark, hashlib.sha256()), _kept.setdefault(db, {})
    try:
        async with asyncio.timeout(PATIENCE):
            while True:
                async with _turn:
                    state = _further(known.get(who.workspace), state)
                    found = await _page(db, who, state.after, until)
                    if not found:
                        break
                    state = await asyncio.to_thread(_added, state, found, own)
                    _keep(known, who.workspace, state)
    except TimeoutError:
        told = f"{state.number} events of the log have been hashed: ask again for the rest."
        raise Unavailable(told, headers={"Retry-After": AGAIN}) from None
    return Digest(f"sha256:{state.digest.hexdigest()}", state.number, state.last)


async def _page(db: Database, who: Principal, after: int, until: int) -> list[Line]:
    if after >= until:
        return []
    return await log.page(db, who, after=after, limit=min(PORTION, until - after), filters={})


def _further(kept: _Kept | None, state: _Kept) -> _Kept:
    """How far it is by now, if somebody else has gone on."""
    return kept if kept is not None and kept.mark == state.mark and kept.after > state.after else state


def _keep(known: dict[str, _Kept], workspace: str, state: _Kept) -> None:
    known.pop(workspace, None)
    if len(known) >= MOST:
        del known[next(iter(known))]
    known[workspace] = state


def _added(state: _Kept, lines: Iterable[Line], own: Names) -> _Kept:
    """The same with these lines. A copy: who was waiting for it may have left."""
    digest, after, number, last = state.digest.copy(), state.after, state.number, state.last
    for one in lines:
        digest.update(line(json.loads(one.document), own).encode())
        after, number, last = one.sequence, number + 1, one.id
    return _Kept(state.mark, digest, after, number, last)


def line(event: Mapping[str, Any], own: Names) -> str:
    """The line of an event, as `GET /v1/events` answers it. The members of `data` that no seed decides are null in it,
    and each of `own` stands as its other name.
    """
    told = renamed({name: event[name] for name in MEMBERS}, own)
    told["data"] = {name: None if name in HIDDEN else value for name, value in told["data"].items()}
    return canonical.text(told) + "\n"
