"""Follows the stream of events and posts each to a program on one's own machine, as webhooks are posted."""

import asyncio
import json
import signal
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode, urlsplit

import typer
from pydantic import TypeAdapter, ValidationError

from engage_api.core import clock, event_types, secret
from engage_api.events.webhooks import signing
from engage_api.events.webhooks.messages import Messages
from engage_api.http import addresses
from engage_api.http.answers import Answer, Bounds, Unanswered
from engage_api.http.outbound import Outbound
from engage_api.settings import Settings

SILENCE = Bounds(seconds=40.0)  # the service says something every 15 seconds
PAGE = Bounds(size=1_048_576)  # one event, which may say 64 KB and more
PATIENCE = Bounds(seconds=15.0)  # what deliveries have
PAUSES = (1.0, 2.0, 4.0, 8.0)  # seconds between two tries to reach the service; the last one stays
FINAL = {400, 401, 403, 404, 410}
_pattern: TypeAdapter[str] = TypeAdapter(event_types.Pattern)


class Misuse(Exception):
    """Called wrongly."""


class Refused(Exception):
    """The service refuses, and would again."""


class Unheard(Exception):
    """Nobody reads what we print."""


@dataclass(frozen=True, slots=True)
class Order:
    """What to follow, and where to post it. Key and secret do not show themselves."""

    url: str
    key: str = field(repr=False)
    forward: str
    types: Sequence[str]
    secret: str = field(repr=False)


def listen(order: Order, *, as_json: bool) -> None:
    """Follow and post until SIGINT or SIGTERM.

    Raises:
        Misuse: a URL, type or secret is none.
        Refused: the key is not good for it.
    """
    # This is no service: whoever calls it chooses the URLs, and on this machine.
    outbound = Outbound(Settings.model_construct(outbound_loopback=True))
    try:
        listener = Listener(order, outbound, as_json=as_json)
        asyncio.run(_until_told(listener))
    finally:
        outbound.close()


async def _until_told(listener: "Listener") -> None:
    running = asyncio.ensure_future(listener.run())
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, running.cancel)
    with suppress(asyncio.CancelledError, Unheard):
        await running


class Listener:
    """One run of the command.

    Raises:
        Misuse: as `listen`.
    """

    def __init__(self, order: Order, outbound: Outbound, *, as_json: bool) -> None:
        self._order, self._outbound, self._json = order, outbound, as_json
        self._signs = _key(order.secret)
        if secret.kind(order.key) is None:
            raise Misuse("the key is none: it begins with eng_, and is shown once, when it is made")
        for url in (order.url, order.forward):
            try:
                outbound.check(url)
            except Unanswered as error:
                raise Misuse(f"{url}: {error.reason}") from None
            parts = urlsplit(url)
            if parts.scheme == "http" and not _is_here(parts.hostname or ""):
                raise Misuse(f"{url}: plain http leads to localhost and nowhere else. Use https.")
        for pattern in order.types:
            try:
                _pattern.validate_python(pattern)
            except ValidationError:
                raise Misuse(f"{pattern} is no type of events, nor the beginning of one: engage.case.*") from None
        self._messages = Messages()
        self._failures = 0
        self._begun = False

    async def run(self) -> None:
        """For ever.

        Raises:
            Refused: as `listen`.
        """
        while True:
            try:
                await self._follow()
                pause = self._messages.pause
            except Unanswered as error:
                pause = PAUSES[min(self._failures, len(PAUSES) - 1)]
                if not self._failures:
                    typer.echo(f"engage: {self._order.url}: {error.reason} Trying again.", err=True)
                self._failures += 1
            await asyncio.sleep(pause)

    async def _follow(self) -> None:
        """Read the stream until it ends."""
        if not self._begun and len(self._order.types) > 1:  # it is we who choose: the service has to be asked
            for one in self._order.types:
                _accepted(await self._ask({"limit": 1, "type": one}))
        if self._begun and not self._messages.last:
            await self._first()
        headers = self._headers()
        if self._messages.last:
            headers["last-event-id"] = self._messages.last
        self._messages.begin()
        query = f"?{urlencode({'type': self._order.types[0]})}" if len(self._order.types) == 1 else ""
        url = f"{self._order.url}/v1/events/stream{query}"
        _accepted(await self._outbound.stream(url, headers, self._hear, SILENCE))

    async def _first(self) -> None:
        """The first event of a log that was empty when it was first looked at: no place in it could be kept."""
        answer = await self._ask({"limit": 1})
        _accepted(answer)
        for event in json.loads(answer.body)["items"]:
            await self._take(event, answer.body[len(b'{"items":[') : answer.body.rindex(b"]")])
            self._messages.last = event["id"]

    async def _ask(self, query: dict[str, Any]) -> Answer:
        url = f"{self._order.url}/v1/events?{urlencode(query)}"
        return await self._outbound.request("GET", url, headers=self._headers(), bounds=PAGE)

    def _headers(self) -> dict[str, str]:
        return {"authorization": f"Bearer {self._order.key}"}

    async def _hear(self, piece: bytes) -> None:
        if not self._begun:
            self._tell()
        elif self._failures:
            typer.echo(f"engage: {self._order.url}: it answers again.", err=True)
        self._begun, self._failures = True, 0
        for message in self._messages.of(piece):
            await self._take(json.loads(message), message)

    async def _take(self, event: Any, body: bytes) -> None:
        if not self._order.types or any(event_types.matches(one, event["type"]) for one in self._order.types):
            await self._post(event, body)

    async def _post(self, event: Any, body: bytes) -> None:
        headers = {"content-type": "application/json", **signing.sign([self._signs], event["id"], clock.host(), body)}
        told = {"id": event["id"], "type": event["type"], "subject": event["subject"]}
        try:
            answer = await self._outbound.request(
                "POST", self._order.forward, headers=headers, content=body, bounds=PATIENCE
            )
        except Unanswered as error:
            self._say({**told, "error": error.reason}, f"{' '.join(told.values())} → {error.reason}")
            return
        milliseconds = round(answer.seconds * 1000)
        text = f"{' '.join(told.values())} → {answer.status} in {milliseconds} ms"
        self._say({**told, "status": answer.status, "milliseconds": milliseconds}, text)

    def _tell(self) -> None:
        """What is done from now on: the service has let us in."""
        shown = signing.shown(self._signs)
        self._say(
            {"url": self._order.url, "forward": self._order.forward, "secret": shown},
            f"Posting what happens at {self._order.url} to {self._order.forward}\n"
            f"Signed with {shown}   Ctrl-C ends it.",
        )

    def _say(self, told: dict[str, Any], text: str) -> None:
        try:
            typer.echo(json.dumps(told) if self._json else text, color=False)
        except BrokenPipeError:
            raise Unheard from None


def _key(text: str) -> signing.Key:
    if not text:
        return signing.new_key("hmac")
    try:
        return signing.read(text)
    except ValueError:
        raise Misuse("a secret is whsec_ and 24 to 64 bytes in base64") from None


def _is_here(host: str) -> bool:
    """Whether it names this machine. An address does: others were refused before."""
    try:
        return bool(addresses.read(host))
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _accepted(answer: Answer) -> None:
    """Raises Refused when it would be refused again, Unanswered when it may pass."""
    if answer.status == 200:
        return
    if answer.status not in FINAL:
        raise Unanswered(f"It answered {answer.status}.")
    try:
        problem = json.loads(answer.body)
        more = [one["detail"] for one in problem.get("errors", [])] or [problem["detail"]]
        told = ". ".join(dict.fromkeys(one.rstrip(".") for one in [problem["title"], *more]))
    except (ValueError, KeyError, TypeError):
        told = f"the service answered {answer.status}"
    raise Refused(told)
