"""What cases a sandbox's story has, and how they go."""

from typing import NamedTuple

from engage_api.customers.models import Channel

Titles = dict[str, str]  # by language


class Sort(NamedTuple):
    """Cases of a type: what they are called in the customer's language, and what must come in first."""

    titles: Titles
    channel: Channel
    needed: tuple[str, ...] = ()
    outcome: str = "Done."


class Way(NamedTuple):
    """How a case goes: what happens to it, each after a share of the days from its beginning to the end of the story;
    and the least and the most days ago that one like this began.
    """

    acts: tuple[tuple[float, str], ...]
    youngest: float
    oldest: float


class Plot(NamedTuple):
    """One case: whose, of which type, which way it goes, when it began (days before the end) and is due (after)."""

    customer: int
    type: str
    way: str
    ago: float
    due: float | None


SORTS = {
    "building-permit": Sort(
        {"nl": "Dakkapel aan de achterkant", "en": "Dormer at the back of the house", "pl": "Lukarna z tyłu domu"},
        "web",
        ("floor plan", "photo of the street"),
        "Permit granted",
    ),
    "parking-permit": Sort(
        {"nl": "Parkeervergunning voor bewoners", "en": "Parking permit for residents", "pl": "Karta parkingowa"},
        "app",
        outcome="Permit sent",
    ),
    "energy-advice": Sort(
        {"nl": "Advies over isolatie", "en": "Advice on insulation", "pl": "Porada w sprawie ocieplenia"},
        "phone",
        ("last year's energy bill",),
        "Report delivered",
    ),
    "registration": Sort(
        {"nl": "Inschrijving op een nieuw adres", "en": "Registration at a new address", "pl": "Meldunek"},
        "desk",
        ("proof of the address",),
        "Registered",
    ),
    "noise-complaint": Sort(
        {"nl": "Lawaai in de nacht", "en": "Noise at night", "pl": "Hałas w nocy"}, "phone", outcome="Agreement made"
    ),
    "event-permit": Sort(
        {"nl": "Vergunning voor een evenement", "en": "Permit for an event", "pl": "Zezwolenie na imprezę"},
        "email",
        ("plan of the place",),
        "Permit granted",
    ),
}
BEGUN = ((0.1, "accepted"), (0.2, "in-progress"), (0.25, "start 1"))
DELIVERED = (*BEGUN, (0.4, "complete 1"), (0.42, "skip 2"), (0.5, "decide"), (0.52, "delivered"))
WAYS = {
    "received": Way((), 0.1, 4),
    "accepted": Way(((0.4, "accepted"),), 2, 9),
    "in-progress": Way(BEGUN, 6, 30),
    "busy": Way((*BEGUN, (0.5, "complete 1"), (0.6, "start 2"), (0.8, "hand 2")), 8, 35),
    "failed": Way((*BEGUN, (0.5, "fail 1")), 5, 20),
    "waiting-customer": Way((*BEGUN, (0.6, "wait customer")), 8, 40),
    "waiting-partner": Way((*BEGUN, (0.5, "wait partner")), 8, 40),
    "waiting-suspended": Way(((0.1, "accepted"), (0.2, "in-progress"), (0.4, "wait suspended")), 15, 60),
    "delivered": Way(DELIVERED, 15, 50),
    "confirmed": Way((*DELIVERED, (0.7, "confirmed")), 20, 117),
    "withdrawn": Way(((0.2, "skip 1"), (0.21, "skip 2"), (0.25, "withdrawn")), 10, 110),
    "rejected": Way(
        ((0.1, "accepted"), (0.3, "skip 1"), (0.31, "skip 2"), (0.35, "decide"), (0.4, "rejected")), 20, 110
    ),
    "reopened": Way((*DELIVERED, (0.7, "confirmed"), (0.85, "reopened"), (0.9, "add 3")), 25, 70),
}
CLOSED = frozenset({"delivered", "confirmed", "withdrawn", "rejected"})
"""The ways of cases that nothing more is owed of."""
PLOTS = (
    Plot(1, "building-permit", "waiting-customer", 24, 3),
    Plot(2, "parking-permit", "busy", 19, -2),
    Plot(3, "energy-advice", "waiting-partner", 31, 20),
    Plot(4, "event-permit", "received", 1.2, 1),
    Plot(5, "registration", "accepted", 4, 1),
    Plot(6, "noise-complaint", "reopened", 48, 2),
    Plot(7, "building-permit", "waiting-suspended", 44, 75),
    Plot(8, "event-permit", "delivered", 33, -9),
    Plot(9, "registration", "failed", 8, 4),
    Plot(1, "energy-advice", "confirmed", 96, -38),
    Plot(2, "noise-complaint", "rejected", 61, -30),
    Plot(3, "building-permit", "in-progress", 13, 45),
    Plot(4, "parking-permit", "withdrawn", 82, -40),
    Plot(5, "parking-permit", "received", 0.4, 6),
    Plot(3, "building-permit", "confirmed", 108, -75),
    Plot(7, "energy-advice", "in-progress", 15, -5),
    Plot(8, "parking-permit", "confirmed", 57, -22),
    Plot(9, "noise-complaint", "confirmed", 74, -28),
    Plot(5, "registration", "confirmed", 89, -34),
    Plot(2, "building-permit", "received", 2.3, 60),
)
"""Every way at least once, and the personas' cases first."""
DECISIONS = {
    "rejected": ("refused", "It is not what these permits are for."),
    "delivered": ("granted", "It is as the rules want it."),
}
REASONS = {
    "customer": "The floor plan has not come in.",
    "partner": "The installer has to say what it costs.",
    "suspended": "The neighbours have objected.",
    "withdrawn": "The customer does not need it any more.",
    "rejected": "The rules do not allow it.",
    "reopened": "It is not over: the customer called again.",
}
LATER = "Call again in a week"
"""The task that a reopened case gets."""
