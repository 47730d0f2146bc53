"""Faults on request: what goes wrong because somebody who tests wants it to, and when.

They are written as a dictionary of structured fields (RFC 9651 section 3.2): `latency=2000, status=503;retry-after=5`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import http_sf

LONGEST = 200  # characters
MOST_LATENCY = 30_000  # ms
MOST_WAIT = 3_600  # seconds of a Retry-After
MOST_DELAY = 86_400  # seconds that a webhook is late
STATUSES = frozenset({429, 500, 503})
DROPS = frozenset({"before", "after-commit", "mid-body"})
DUPLICATE, DELAY = "duplicate", "delay"
UNDERSTOOD = (
    "Understood are latency=MS (1 to 30000), status=429, status=500, status=503, drop=before, drop=after-commit, "
    "drop=mid-body and revoke; latency may stand before another one: latency=2000, status=503;retry-after=5"
)
OF_SETTINGS = ". In the setting also webhook=duplicate, and webhook=delay;seconds=60"


class NotUnderstood(ValueError):
    """What was asked for is no fault. The text says what is."""


@dataclass(frozen=True, slots=True)
class Mishap:
    """One fault. `latency` in ms comes first; then, if one is set, `status`, `drop`, `revoke` or `webhook`.

    `wait`: seconds, as `Retry-After` says with `status`, or that `webhook=delay` takes.
    """

    latency: int = 0
    status: int = 0
    drop: str = ""
    revoke: bool = False
    webhook: str = ""
    wait: int | None = None

    def __str__(self) -> str:
        said = [f"latency={self.latency}"] if self.latency else []
        if self.status:
            said.append(f"status={self.status}" + (f";retry-after={self.wait}" if self.wait is not None else ""))
        if self.drop:
            said.append(f"drop={self.drop}")
        if self.revoke:
            said.append("revoke")
        if self.webhook:
            said.append(f"webhook={self.webhook}" + (f";seconds={self.wait}" if self.wait is not None else ""))
        return ", ".join(said)


@dataclass(frozen=True, slots=True)
class Rule:
    """A fault of a sandbox's setting: on which calls, and on how many of those.

    Of the calls that `methods` and `operations` name (empty: all), the first `after` are spared; of the rest `share`
    per cent have it, evenly spread, but at most `times` of them, and none from `until` on, by the sandbox's clock.
    """

    id: str
    mishap: Mishap
    methods: frozenset[str] = frozenset()
    operations: frozenset[str] = frozenset()
    after: int = 0
    share: int = 100
    times: int | None = None
    until: datetime | None = None

    def names(self, method: str, operation: str) -> bool:
        """Whether it is about such a call."""
        fits = not self.methods or method in self.methods
        return fits and (not self.operations or operation in self.operations) and not self.mishap.webhook

    def is_over(self, now: datetime) -> bool:
        """Whether it hits nothing any more, at this time of the sandbox."""
        return self.until is not None and self.until <= now

    def made(self, calls: int) -> int:
        """How many of the first so many calls have it."""
        some = max(0, calls - self.after) * self.share // 100
        return some if self.times is None else min(some, self.times)

    def hits(self, call: int) -> bool:
        """Whether the call of this number has it; the first is 1."""
        return self.made(call) > self.made(call - 1)


@dataclass(frozen=True, slots=True)
class Mishaps:
    """What a sandbox has set for who holds one credential. `revoked`: that one opens nothing any more."""

    rules: tuple[Rule, ...] = ()
    revoked: bool = False


def parse(text: str, *, setting: bool = False) -> Mishap:
    """The fault that this names. `setting`: in a sandbox's setting, where webhooks have faults, too.

    Raises:
        NotUnderstood: it names none, or two that contradict each other, or one twice.
    """
    understood = UNDERSTOOD + (OF_SETTINGS if setting else "") + "."
    try:
        given = http_sf.parse(text.encode("ascii"), tltype="dictionary") if len(text) <= LONGEST else {}
        twice = isinstance(given, dict) and text.count(",") >= len(given)  # RFC 9651 alone would take the last one
        found = _mishap(given) if isinstance(given, dict) and not twice else None
    except ValueError:
        found = None
    if found is None or (found.webhook and not setting):
        raise NotUnderstood(understood)
    return found


def _mishap(given: Mapping[str, Any]) -> Mishap | None:
    """None for what is none."""
    fields: dict[str, Any] = {}
    for name, item in given.items():
        member = _member(name, item)
        if member is None:
            return None
        fields |= member
    kinds = len(given.keys() - {"latency"})
    alone = "webhook" in fields and len(given) > 1
    return Mishap(**fields) if fields and kinds <= 1 and not alone else None


def _member(name: str, item: Any) -> dict[str, Any] | None:
    """What one member of the dictionary says; None when that is nothing."""
    value, more = item
    text = str(value) if isinstance(value, http_sf.Token) else ""
    whole = value if type(value) is int else 0
    found: dict[str, Any] | None = None
    wait: dict[str, int] | None = {} if not more else None
    match name:
        case "latency" if 1 <= whole <= MOST_LATENCY:
            found = {name: whole}
        case "status" if whole in STATUSES:
            found = {name: whole}
            wait = wait if whole == 500 else _wait(more, "retry-after", MOST_WAIT)
        case "drop" if text in DROPS:
            found = {name: text}
        case "revoke" if value is True:
            found = {name: True}
        case "webhook" if text == DUPLICATE:
            found = {name: text}
        case "webhook" if text == DELAY and more:
            found, wait = {name: text}, _wait(more, "seconds", MOST_DELAY)
    return None if found is None or wait is None else found | wait


def _wait(more: Mapping[str, Any], name: str, most: int) -> dict[str, int] | None:
    """What the parameter says, if it is there; None when it is another one, or says nothing sensible."""
    if not more:
        return {}
    value = more.get(name)
    return {"wait": value} if len(more) == 1 and type(value) is int and 1 <= value <= most else None
