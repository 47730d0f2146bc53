"""The customers of a sandbox's story: the first few with a life of their own, the others of names at random.

All names are made up; addresses end in example.org, numbers are of the scheme `demo`.
"""

from random import Random
from typing import NamedTuple

from engage_api.customers.models import (
    Channel,
    CustomerCreate,
)
from engage_api.db.search import fold


class Role(NamedTuple):
    """One of the first customers. `intent` is what they want, in their language."""

    name: str
    kind: str
    language: str
    segment: str
    role: str
    location: str
    intent: str
    channels: tuple[Channel, ...]


CAST = (
    Role("Zoë de Vries", "person", "nl", "home-owner", "home owner", "Waterkant", "Wil een dakkapel", ("web", "email")),
    Role(
        "Ahmed El Amrani", "person", "nl", "tenant", "tenant", "Havenbuurt", "Zoekt een parkeerplek", ("app", "phone")
    ),
    Role(
        "Maria Kowalska",
        "person",
        "pl",
        "home-owner",
        "home owner",
        "Havenbuurt",
        "Chce ocieplić dom",
        ("web", "email"),
    ),
    Role(
        "Bram Jansen", "person", "nl", "entrepreneur", "shop keeper", "Marktplein", "Wil een terras", ("desk", "phone")
    ),
    Role(
        "Grace Okafor", "person", "en", "tenant", "newcomer", "Waterkant", "Wants to register here", ("email", "chat")
    ),
    Role("Sem Bakker", "person", "nl", "home-owner", "neighbour", "Waterkant", "Heeft last van lawaai", ("phone",)),
    Role(
        "Bakkerij De Korenaar",
        "organization",
        "nl",
        "entrepreneur",
        "business",
        "Marktplein",
        "Gaat verbouwen",
        ("email",),
    ),
    Role(
        "Harbour Lane Studios Ltd",
        "organization",
        "en",
        "entrepreneur",
        "business",
        "Havenbuurt",
        "Looks for a permit to film",
        ("web", "email"),
    ),
    Role(
        "Piekarnia Złoty Kłos",
        "organization",
        "pl",
        "entrepreneur",
        "business",
        "Waterkant",
        "Otwiera drugi sklep",
        ("phone", "email"),
    ),
)
LANGUAGES = ("nl", "nl", "en", "pl")  # as often as they are spoken here
FIRST = {
    "nl": ("Sanne", "Daan", "Lotte", "Thijs", "Femke", "Ruben", "Iris", "Jesse", "Noor", "Koen", "Eva", "Lars"),
    "en": ("Alice", "Oliver", "Hannah", "Callum", "Ruth", "Edwin", "Nadia", "Simon", "Chloe", "Martin"),
    "pl": ("Agnieszka", "Paweł", "Zofia", "Tomasz", "Hanna", "Łukasz", "Ewa", "Michał", "Kinga", "Jakub"),
}
LAST = {
    "nl": ("Visser", "Mulder", "van Dijk", "Peeters", "de Boer", "Hoekstra", "Postma", "Kuiper", "Schouten", "Bos"),
    "en": ("Carter", "Ashworth", "Bennett", "Doyle", "Fletcher", "Hartley", "Mensah", "Pryce", "Whitlock", "Yates"),
    "pl": ("Nowicka", "Zieliński", "Wójcik", "Krawczyk", "Mazur", "Kaczmarek", "Pawlak", "Sikora", "Górska", "Dudek"),
}
BUSINESS = {"nl": "Bouwbedrijf {} BV", "en": "{} & Daughters Ltd", "pl": "Zakład {} sp. z o.o."}
SEGMENTS = ("home-owner", "tenant", "tenant", "newcomer", "student")
PLACES = ("Waterkant", "Havenbuurt", "Marktplein", "Nieuwland", "Oude Dijk")
CHANNELS: tuple[tuple[Channel, ...], ...] = (("web", "email"), ("email",), ("phone",), ("app", "chat"), ("desk",))
EVERY = 12  # every so-manieth of the others is an organization


def customer(number: int, chance: Random) -> CustomerCreate:
    """The customer with this number; the first is 1."""
    return _entered(number, CAST[number - 1] if number <= len(CAST) else _somebody(number, chance))


def language(number: int) -> str:
    """What the customer with this number speaks."""
    return CAST[number - 1].language if number <= len(CAST) else LANGUAGES[number % len(LANGUAGES)]


def _somebody(number: int, chance: Random) -> Role:
    spoken = language(number)
    last, place = chance.choice(LAST[spoken]), chance.choice(PLACES)
    channels = chance.choice(CHANNELS)
    if number % EVERY == 0:
        name = BUSINESS[spoken].format(last)
        return Role(name, "organization", spoken, "entrepreneur", "business", place, "", channels)
    name, segment = f"{chance.choice(FIRST[spoken])} {last}", chance.choice(SEGMENTS)
    return Role(name, "person", spoken, segment, segment.replace("-", " "), place, "", channels)


def _entered(number: int, role: Role) -> CustomerCreate:
    mailbox = ".".join(fold(role.name)[: 1 if number <= len(CAST) else 2])
    points: list[dict[str, object]] = [{"type": "email", "value": _mail(mailbox, number), "preferred": True}]
    if "phone" in role.channels:
        points.append({"type": "phone", "value": f"+000 {number:07}"})
    wanted = {
        "external_id": f"demo:{number}",
        "kind": role.kind,
        "display_name": role.name,
        "identifiers": [{"scheme": "demo", "value": f"{1000 + number}"}],
        "contact_points": points,
        "preferences": {"language": role.language, "channels": list(role.channels)},
        "context": {"role": role.role, "location": role.location, "intent": role.intent or None},
        "segments": [role.segment],
    }
    return CustomerCreate.model_validate(wanted)  # at once: it takes a third of the time of part by part


def _mail(mailbox: str, number: int) -> str:
    return f"{mailbox}@example.org" if number <= len(CAST) else f"{mailbox}.{number}@example.org"
