"""Files on their way in: few at once, one of an application, none slower than it need be, and in lines."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from time import monotonic

from engage_api.core.principal import Principal
from engage_api.core.problem import BodyTooLarge, TooManyRequests, Unavailable, UnsupportedMediaType
from engage_api.db.engine import Database
from engage_api.http.call import Call, Services
from engage_api.sandbox import service
from engage_api.sandbox.copies.file_models import LONGEST, MEDIA_TYPE, BrokenFile

PATIENCE = timedelta(minutes=20)  # for the whole file
AT_ONCE = 2  # files that a process reads
MOST = 10  # that it reads or that wait to be read
GRACE, LEAST = 5.0, 65_536  # seconds, and bytes of each further second that we wait for the file
SOON = "5"  # seconds until somebody may ask again
_turns = asyncio.Semaphore(AT_ONCE)
_under_way: set[str] = set()


@dataclass(frozen=True, slots=True)
class Upload:
    """A file on its way: who sends it (at home), its parts, how many bytes it may have, and from which workspace."""

    db: Database
    who: Principal
    services: Services
    parts: AsyncIterator[bytes]
    most: int
    origin: str = ""


def sent(call: Call) -> Upload:
    """The body of a request.

    Raises:
        UnsupportedMediaType: it is something else.
    """
    headers, state = call.request.headers, call.request.scope["state"]
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != MEDIA_TYPE or headers.get("content-encoding", "identity") != "identity":
        raise UnsupportedMediaType(f"Send the file as it is, with `Content-Type: {MEDIA_TYPE}`.")
    who = service.home(call.principal)
    most, origin = state["max_body_bytes"], call.principal.workspace
    return Upload(call.db, who, call.services, call.request.stream(), most, origin)


@asynccontextmanager
async def turn(application: str) -> AsyncIterator[None]:
    """The turn of an application's file. From there on there is so much time for it.

    Raises:
        TooManyRequests: another file of it is under way.
        Unavailable: too many wait.
        BrokenFile: it took too long.
    """
    if application in _under_way:
        told = "Another file of this application is being imported: one after the other."
        raise TooManyRequests(told, headers={"Retry-After": SOON})
    if len(_under_way) >= MOST:
        raise Unavailable(headers={"Retry-After": SOON})
    _under_way.add(application)
    limit = asyncio.timeout(PATIENCE.total_seconds())
    try:
        async with _turns, limit:
            yield
    except TimeoutError:
        if limit.expired():
            raise BrokenFile(f"It took more than {PATIENCE.seconds // 60} minutes.") from None
        raise
    finally:
        _under_way.discard(application)


async def lines(upload: Upload) -> AsyncIterator[bytes]:
    """The lines, never more in memory than one of them and what came with its end."""
    size, rest = 0, b""
    async for part in _parts(upload.parts):
        size += len(part)
        if size > upload.most:
            raise BodyTooLarge(f"It has more than {upload.most} bytes.")
        *whole, rest = (rest + part).split(b"\n")
        for line in whole:
            yield line
        if len(rest) > LONGEST:
            raise BrokenFile(f"A line has more than {LONGEST} bytes.")
    if rest:
        yield rest


async def _parts(parts: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """What comes, as long as it comes fast enough: what we do with it meanwhile does not count."""
    waited, size = 0.0, 0
    while True:
        began = monotonic()
        try:
            async with asyncio.timeout(GRACE + size / LEAST - waited):
                part = await anext(parts, None)
        except TimeoutError:
            raise BrokenFile(f"It comes too slowly: fewer than {LEAST} bytes in a second.") from None
        if part is None:
            return
        waited, size = waited + monotonic() - began, size + len(part)
        yield part
