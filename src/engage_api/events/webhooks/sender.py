"""How an event is posted to a receiver, and what its answer means."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from time import monotonic
from typing import Any, NamedTuple

import structlog

from engage_api.core import clock
from engage_api.core.problem import Fault, InvalidRequest
from engage_api.core.secret import derive
from engage_api.events.webhooks import schedule, signing
from engage_api.events.webhooks.models import URL
from engage_api.events.webhooks.restraint import Brake
from engage_api.events.webhooks.secrets import PURPOSE, Box
from engage_api.http.answers import Answer, Bounds, Busy, InvalidUrl, TooLarge, Unanswered
from engage_api.http.outbound import Outbound
from engage_api.settings import Settings

BOUNDS = Bounds(seconds=15.0, size=65_536)
KEPT = 2_048  # bytes of an answer, and characters of all its headers
MOST_HEADERS = 20
LONGEST_HEADER = 200  # characters
GONE = 410
NAMED = "The URL must be https://NAME or https://NAME:PORT, then a path: a whole name, in ASCII."
HERE = "To a receiver on your machine: `engage webhooks listen`, or ENGAGE_OUTBOUND_LOOPBACK=true for the service."
_HERE = re.compile(r"https?://(localhost|127\.|\[::1\])", re.IGNORECASE)
MISTAKE = "The service made a mistake with it."

_log = structlog.get_logger("engage.webhooks")


class Outcome(NamedTuple):
    """What came of one attempt; `error` is None when it was taken."""

    at: datetime
    seconds: float
    sent: dict[str, str]
    answer: Answer | None
    error: str | None
    wish: timedelta | None = None
    """How long the receiver wants to be left alone."""
    unsent: bool = False
    """Nothing was sent, as we had too much to do: it says nothing of the receiver."""

    @property
    def taken(self) -> bool:
        return self.error is None

    @property
    def gone(self) -> bool:
        """Whether the receiver wants nothing any more."""
        return self.answer is not None and self.answer.status == GONE

    def row(self, workspace: str, delivery: str, number: int) -> dict[str, Any]:
        """The attempt as it is kept."""
        return {
            "workspace_id": workspace,
            "delivery_id": delivery,
            "number": number,
            "at": self.at,
            "milliseconds": round(self.seconds * 1000),
            "request_headers": self.sent,
            "status": self.answer.status if self.answer else None,
            "answer_headers": _few(self.answer.headers) if self.answer else None,
            "answer_body": self.answer.body[:KEPT] if self.answer else None,
            "error": self.error,
        }


@dataclass(frozen=True, slots=True)
class Sender:
    """What a process needs to send: the way out, and what opens secrets. `close` it in the end."""

    outbound: Outbound
    box: Box
    loopback: bool
    """Whether this machine may be posted to."""
    tests: Counter[str] = field(default_factory=Counter)
    """How many tests of each application are under way."""
    brake: Brake = field(default_factory=Brake)

    @classmethod
    def open(cls, settings: Settings) -> "Sender":
        return cls(Outbound(settings), Box(derive(settings.secret(), PURPOSE)), settings.outbound_loopback)

    def close(self) -> None:
        """Waits for nothing."""
        self.outbound.close()

    def require(self, url: str) -> None:
        """Refuse a URL that nothing would be sent to. What its host resolves to is looked at when something is sent.

        Raises:
            InvalidRequest: why.
        """
        try:
            self.outbound.check(url)
            if not self.loopback and not re.fullmatch(URL, url):
                raise InvalidUrl(NAMED)
        except Unanswered as error:
            hint = f" {HERE}" if _HERE.match(url) and not self.loopback else ""
            raise InvalidRequest(errors=[Fault("url", error.reason + hint, pointer="/url")]) from None

    async def attempt(
        self,
        url: str,
        keys: Sequence[signing.Key],
        message_id: str,
        body: bytes,
        organization: str,
        *,
        seconds: float = BOUNDS.seconds,
    ) -> Outcome:
        """Post a message once, for an organization, within so many seconds. Whatever happens is an outcome; a mistake
        of ours is this message's failure, too.
        """
        at, began = clock.host(), monotonic()
        signed = signing.sign(keys, message_id, at, body)
        headers = {"content-type": "application/json", **signed}
        sent = {name: value for name, value in headers.items() if name != signing.SIGNATURE}
        try:
            answer = await self._post(url, headers, body, replace(BOUNDS, seconds=seconds, share=organization))
            wish = schedule.wish(answer.headers.get("retry-after"), clock.host())
            return Outcome(at, monotonic() - began, sent, answer, _error(answer), wish)
        except Busy as error:
            return Outcome(at, monotonic() - began, sent, None, error.reason, unsent=True)
        except Unanswered as error:
            reason = error.reason
        except Exception:  # noqa: BLE001  # what is wrong with one receiver must not hold up what else waits
            _log.exception("an attempt failed", message=message_id)
            reason = MISTAKE
        return Outcome(at, monotonic() - began, sent, None, reason)

    async def _post(self, url: str, headers: Mapping[str, str], body: bytes, bounds: Bounds) -> Answer:
        try:
            return await self.outbound.request("POST", url, headers=headers, content=body, bounds=bounds)
        except TooLarge as error:  # what it says has been heard
            return error.answer


def _error(answer: Answer) -> str | None:
    if 200 <= answer.status < 300:
        return None
    if 300 <= answer.status < 400:
        return f"The receiver answered {answer.status}: redirects are not followed."
    if answer.status == GONE:
        return "The receiver answered 410: it wants nothing any more."
    return f"The receiver answered {answer.status}."


def _few(headers: Mapping[str, str]) -> dict[str, str]:
    kept, size = {}, 0
    for name, value in list(headers.items())[:MOST_HEADERS]:
        size += len(name[:LONGEST_HEADER]) + len(value[:LONGEST_HEADER])
        if size <= KEPT:
            kept[name[:LONGEST_HEADER]] = value[:LONGEST_HEADER]
    return kept
