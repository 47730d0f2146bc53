"""The offers' part of a sandbox's story."""

from collections.abc import Iterator
from datetime import datetime
from functools import partial
from typing import NamedTuple

from engage_api.core.model import Money
from engage_api.core.principal import Principal
from engage_api.customers.models import Channel
from engage_api.db.engine import Transaction
from engage_api.db.story import Setting, Step, in_office, woven
from engage_api.offers import service
from engage_api.offers.models import Component, OfferCreate, OfferState, Price

CASES = 200  # so many cases for each offer, from a world of some size on


class Proposal(NamedTuple):
    """An offer: how many days before the end it is drafted, published and retired, and how many after it it ends."""

    title: str
    description: str
    price: str
    parts: tuple[str, ...]
    channels: tuple[Channel, ...]
    drafted: float
    published: float | None = None
    retired: float | None = None
    ends: float | None = None


BOOK = (
    Proposal(
        "Home energy check",
        "An adviser walks through your house and tells what keeps the warmth in.",
        "49.00",
        ("Advice at home", "Report with costs and grants"),
        ("web", "desk", "phone"),
        drafted=110,
        published=106,
        ends=60,
    ),
    Proposal(
        "Permit advice at the kitchen table",
        "An hour with somebody who knows what may be built.",
        "0.00",
        ("An hour of advice",),
        ("web", "desk"),
        drafted=100,
        published=98,
    ),
    Proposal(
        "Insulation grant, autumn round",
        "A share of what it costs to insulate a house; the round closes soon.",
        "0.00",
        ("Grant", "Help with the form"),
        ("web", "email", "letter"),
        drafted=75,
        published=70,
        ends=5,
    ),
    Proposal(
        "Summer terrace permit",
        "Tables outside, for the season that is over.",
        "120.00",
        ("Permit for a season",),
        ("desk", "email"),
        drafted=118,
        published=117,
        ends=-12,
    ),
    Proposal(
        "Parking permit for visitors",
        "Replaced by the app.",
        "15.00",
        ("Card for visitors",),
        ("desk",),
        drafted=115,
        published=112,
        retired=40,
    ),
    Proposal(
        "Welcome package for newcomers",
        "Still being written: registration, waste, parking and a map in three languages.",
        "0.00",
        ("Letter", "Map"),
        ("email", "letter"),
        drafted=6,
    ),
)


def told(setting: Setting) -> Iterator[Step]:
    """How they are drafted, published and retired."""
    chance, many = setting.chance("offers"), max(len(BOOK), setting.cases // CASES)
    book = [BOOK[number % len(BOOK)] for number in range(many)]
    drafted = (in_office(setting.ago(one.drafted - chance.random()), setting.begins) for one in book)
    dated = sorted(zip(drafted, range(1, many + 1), strict=True))
    return woven(_thread(setting, number, at) for at, number in dated)


def _thread(setting: Setting, number: int, at: datetime) -> Iterator[Step]:
    one = BOOK[(number - 1) % len(BOOK)]
    yield Step(at, partial(_draft, setting, number, one))
    moves: tuple[tuple[OfferState, float | None], ...] = (("active", one.published), ("retired", one.retired))
    for state, days in moves:
        if days is not None:
            at = in_office(setting.ago(days), at)
            yield Step(at, partial(_move, setting, number, state))


async def _draft(setting: Setting, number: int, one: Proposal, tx: Transaction, who: Principal) -> None:
    wanted = OfferCreate(
        external_id=f"demo-offer:{number}",
        title=one.title if number <= len(BOOK) else f"{one.title}, {number // len(BOOK) + 1}",
        description=one.description,
        components=[Component(name=part) for part in one.parts],
        price=Price(money=Money(amount=one.price, currency="EUR")) if float(one.price) else None,
        channels=list(one.channels),
        valid_until=None if one.ends is None else setting.deadline(one.ends),
    )
    setting.known[f"offer:{number}"] = (await service.create(tx, who, wanted)).model.id


async def _move(setting: Setting, number: int, to: OfferState, tx: Transaction, who: Principal) -> None:
    await service.move(tx, who, setting.known[f"offer:{number}"], to, None)
