"""The people in a sandbox's story whom a newcomer can play."""

from engage_api.access.sandboxes.models import Persona
from engage_api.customers.cast import CAST
from engage_api.customers.seed import customer_id
from engage_api.db.story import Setting

CUSTOMERS = {
    1: "Wants a dormer. Her case waits for a floor plan that she has not sent, and it is due in three days.",
    2: "Has asked for a parking permit for weeks. His case should have been done two days ago.",
    3: "Wants to insulate her house. Her case waits for an installer, and a grant for it closes in five days.",
    6: "Complained of noise at night. His case was confirmed, and he had it opened again.",
    8: "An organization. It got its permit for an event, and has not confirmed it yet.",
    9: "An organization. Registering its second shop failed when a register did not answer.",
}
STAFF = (
    ("Noor Visser", "permit officer", "nl", "Checks drawings. One of her tasks is overdue, and the next is due soon."),
    ("Tomasz Zieliński", "energy adviser", "pl", "Visits houses and writes reports, and is behind with one."),
    ("Priya Shah", "service desk", "en", "Calls customers back. Whoever reopens a case ends up with her."),
)


def personas(setting: Setting) -> list[Persona]:
    """Customers first, then staff, whom tasks name as their `assignee`."""
    customers = [
        Persona(
            name=CAST[number - 1].name,
            role="customer",
            language=CAST[number - 1].language,
            customer_id=customer_id(setting, number),
            story=story,
        )
        for number, story in CUSTOMERS.items()
    ]
    return customers + [
        Persona(name=name, role=role, language=language, customer_id=None, story=story)
        for name, role, language, story in STAFF
    ]
