"""The signals in a sandbox's story: what happened elsewhere, in an organization's own systems."""

from collections.abc import Iterator
from functools import partial
from typing import Any

from engage_api.core.principal import Principal
from engage_api.db.engine import Transaction
from engage_api.db.story import Setting, Step
from engage_api.events import signals
from engage_api.events.signals import SignalCreate

CASES = 5  # so many cases for each signal
FIRST = 90.0  # days before the end

KINDS = (
    ("meter.exceeded", "meter-{}", {"limit": 80, "measured": 93.5, "unit": "dB"}),
    ("letter.returned", "letter-{}", {"reason": "moved away"}),
    ("payment.received", "invoice-{}", {"amount": "49.00", "currency": "EUR"}),
    ("register.changed", "demo-{}", {"field": "address"}),
)


def told(setting: Setting) -> Iterator[Step]:
    """One after the other, all kinds in turn."""
    chance, many = setting.chance("signals"), max(len(KINDS), setting.cases // CASES)
    for number in range(many):
        name, subject, data = KINDS[number % len(KINDS)]
        at = setting.ago(FIRST * (1 - (number + chance.random()) / many))
        yield Step(at, partial(_send, name, subject.format(4711 + number), data))


async def _send(name: str, subject: str, data: dict[str, Any], tx: Transaction, who: Principal) -> None:
    await signals.write(tx, who, SignalCreate(type=f"x.{who.organization}.{name}", subject=subject, data=data))
