"""A little world to look around in: the same every time."""

from datetime import timedelta

from engage_api.cases import service as cases
from engage_api.cases.models import CaseCreate, CaseState, CaseTransition
from engage_api.cases.tasks.models import TaskCreate
from engage_api.core import clock
from engage_api.core.principal import Principal
from engage_api.customers import service as customers
from engage_api.customers.models import ContactPoint, CustomerCreate, Identifier, Preferences
from engage_api.db.engine import Transaction
from engage_api.offers import service as offers
from engage_api.offers.models import OfferCreate

PEOPLE = (
    ("Zoë de Vries", "nl", "home-owner"),
    ("Ahmed El Amrani", "nl", "tenant"),
    ("Maria Kowalska", "pl", "home-owner"),
    ("Bram Jansen", "nl", "entrepreneur"),
    ("Grace Okafor", "en", "tenant"),
    ("Sem Bakker", "nl", "home-owner"),
)


async def fill(tx: Transaction, who: Principal) -> None:
    """Customers, cases with tasks in several states, and offers."""
    for at, (name, language, segment) in enumerate(PEOPLE, 1):
        mail = name.split()[0].lower().replace("ë", "e") + "@example.org"
        customer = await customers.create(
            tx,
            who,
            CustomerCreate(
                external_id=f"demo:{at}",
                kind="person",
                display_name=name,
                identifiers=[Identifier(scheme="demo", value=f"{1000 + at}")],
                contact_points=[ContactPoint(type="email", value=mail, preferred=True)],
                preferences=Preferences(language=language, channels=["web", "email"]),
                segments=[segment],
            ),
        )
        await _case(tx, who, customer.model.id, at)
    for title in ("Home energy check", "Permit advice at the kitchen table"):
        await offers.create(tx, who, OfferCreate(title=title, channels=["web", "desk"]))


async def _case(tx: Transaction, who: Principal, customer_id: str, at: int) -> None:
    due = clock.business(who.workspace) + timedelta(days=3 * at)
    case = await cases.create(
        tx,
        who,
        CaseCreate(
            external_id=f"demo-case:{at}",
            type="building-permit",
            title=f"Dormer {at}",
            customer_id=customer_id,
            due_at=due,
            tasks=[TaskCreate(title="Check the drawings", assignee="Team Permits", due_at=due)],
        ),
    )
    steps: tuple[CaseState, ...] = ("accepted", "in-progress")
    for to in steps[: at % 3]:
        await cases.move(tx, who, case.model.id, CaseTransition(to=to), None)
