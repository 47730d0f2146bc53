"""The customers' part of a sandbox's story."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import partial

from engage_api.core.principal import Principal
from engage_api.customers import service
from engage_api.customers.cast import CAST, customer
from engage_api.customers.models import CustomerCreate, CustomerState
from engage_api.db.engine import Transaction
from engage_api.db.story import Setting, Step, by_day, in_office, woven

REGULARS = (0.75, 0.375)  # of the customers, and of the cases: at most so many have cases
FIRST, THIRD, LAST = (
    119.0,
    80.0,
    3.0,
)  # days before the end: regulars are entered until the second, others until the last
BATCHES = 500  # in so many portions at most are they taken over from the register
HOURS = 0.25  # of a day, by which they may come later
CYCLE = 100  # of so many others one falls asleep and one is closed; the rest stay prospects
MOVES: dict[int, tuple[CustomerState, ...]] = {1: ("active", "dormant"), 2: ("active", "closed")}
DAY = timedelta(days=1)


def told(setting: Setting) -> Iterator[Step]:
    """How they come, come to life, and go."""
    return woven(_batches(setting))


def _batches(setting: Setting) -> Iterator[Iterator[Step]]:
    chance, at_once, last = setting.chance("customers"), -(-setting.customers // BATCHES), setting.begins
    own, hours = regulars(setting), setting.chance("arrivals")
    apart = min(HOURS, (FIRST - THIRD) * at_once / own, (THIRD - LAST) * at_once / (setting.customers - own))
    for first in range(1, setting.customers + 1, at_once):
        numbers = range(first, min(first + at_once, setting.customers + 1))
        late = timedelta(days=apart * hours.random())
        last = by_day(arrives(setting, first) + late, last)
        yield _batch(setting, last, [(number, customer(number, chance)) for number in numbers])


def regulars(setting: Setting) -> int:
    """How many have cases: the first ones."""
    of_all, of_cases = REGULARS
    return max(len(CAST), int(min(of_all * setting.customers, of_cases * setting.cases)))


def arrives(setting: Setting, number: int) -> datetime:
    """When a customer is entered."""
    own = regulars(setting)
    if number <= own:
        ago = FIRST - (FIRST - THIRD) * (number - 1) / own
    else:
        ago = THIRD - (THIRD - LAST) * (number - own) / (setting.customers - own)
    return setting.ago(ago)


def arrived(setting: Setting, moment: datetime) -> int:
    """How many regulars had been entered by then, as far as batches matter: the last may still be on its way."""
    own = regulars(setting)
    share = (moment - setting.ago(FIRST)) / (setting.ago(THIRD) - setting.ago(FIRST))
    return max(1, min(own, int(share * own) - 2 * -(-setting.customers // BATCHES)))


def customer_id(setting: Setting, number: int) -> str:
    """The id of a customer who has been entered."""
    return setting.known[f"customer:{number}"]


def _batch(setting: Setting, begun: datetime, entered: list[tuple[int, CustomerCreate]]) -> Iterator[Step]:
    """Those who are entered together, and what becomes of each. All of it happens before the end."""
    own, moves, numbers = regulars(setting), [], [number for number, _ in entered]
    yield Step(begun, partial(_enter, setting, [wanted for _, wanted in entered]), len(entered))
    entered.clear()  # a hundred thousand of them would halt Python to look through them again and again
    for number in numbers:
        at = begun
        for state in _becomes(number, own):
            left = setting.ends - at
            raw = at + (min(DAY, left / 20) if state == "active" else left / 2)
            at = in_office(raw, at)
            moves.append((at, number, state))
    for at, number, state in sorted(moves):
        yield Step(at, partial(_move, setting, number, state))


def _becomes(number: int, own: int) -> tuple[CustomerState, ...]:
    if number <= own:
        return ("active",)
    return MOVES.get((number - own) % CYCLE, ())


async def _enter(setting: Setting, wanted: list[CustomerCreate], tx: Transaction, who: Principal) -> None:
    for made in await service.enter(tx, who, wanted):
        assert made.model.external_id is not None  # noqa: S101  # all of the cast have one
        setting.known[made.model.external_id.replace("demo", "customer")] = made.model.id


async def _move(setting: Setting, number: int, state: CustomerState, tx: Transaction, who: Principal) -> None:
    await service.move(tx, who, customer_id(setting, number), state, None)
