"""One customer in two shapes: as this service takes it, and as the same thirteen facts in a flat row of others."""

import random
from typing import Any

FIRST = ("Ada", "Bram", "Chloë", "Daan", "Emine", "Fatma", "Grace", "Hugo", "Ilse", "Jan", "Karim", "Lotte", "Milan")
LAST = ("Bakker", "de Boer", "El Amrani", "Jansen", "Kaya", "Meijer", "Okafor", "Smit", "Visser", "de Vries", "Yilmaz")
PLACES = ("Amersfoort", "Breda", "Delft", "Groningen", "Haarlem", "Leiden", "Nijmegen", "Utrecht", "Zwolle")
SEGMENTS = ("home-owner", "tenant", "entrepreneur", "student", "retired")
LANGUAGES = ("nl", "en", "de", "pl", "tr", "ar")
DEPARTMENTS = ("Permits", "Housing", "Work", "Care", "Parking")


def flat(number: int) -> dict[str, Any]:
    """Customer `number` as thirteen plain fields; the same number is the same customer."""
    chance = random.Random(number)
    first, last = chance.choice(FIRST), chance.choice(LAST)
    return {
        "external_id": f"bench:{number}",
        "kind": "person",
        "display_name": f"{first} {last}",
        "email": f"customer.{number}@example.org",
        "phone": f"+3161{number % 10_000_000:07d}",
        "language": chance.choice(LANGUAGES),
        "contactable": chance.random() < 0.9,
        "segment": chance.choice(SEGMENTS),
        "role": "home owner",
        "location": chance.choice(PLACES),
        "intent": "wants to build a dormer",
        "department": chance.choice(DEPARTMENTS),
        "priority": str(chance.randint(1, 5)),
    }


def ours(number: int) -> dict[str, Any]:
    """The same customer as a body of `POST /v1/customers`."""
    row = flat(number)
    return {
        "externalId": row["external_id"],
        "kind": row["kind"],
        "displayName": row["display_name"],
        "contactPoints": [{"type": "email", "value": row["email"]}, {"type": "phone", "value": row["phone"]}],
        "preferences": {"language": row["language"], "contactable": row["contactable"]},
        "context": {"role": row["role"], "location": row["location"], "intent": row["intent"]},
        "segments": [row["segment"]],
        "metadata": {"department": row["department"], "priority": row["priority"]},
    }
