"""What a line changes about a resource that is there already: nothing, when it says what is known."""

from collections.abc import Mapping
from typing import Any

from engage_api.core.model import MOST_METADATA, Resource
from engage_api.db.store import UPDATED, Happened
from engage_api.imports.models import Refusal, Refused, Wanted

OWN_TIME = {
    ("case", "delivered"): "delivered_at",
    ("task", "active"): "started_at",
    ("task", "completed"): "completed_at",
}
"""Fields that say when a state was reached."""

# How far each state is. An import takes nothing back: what went further since is left where it is.
FAR: Mapping[str, Mapping[str, int]] = {
    "case": {
        "received": 0,
        "accepted": 1,
        "in-progress": 2,
        "waiting": 2,
        "delivered": 3,
        "confirmed": 4,
        "rejected": 4,
        "withdrawn": 4,
    },
    "task": {"available": 0, "active": 1, "completed": 2, "skipped": 2, "failed": 2},
    "customer": {"prospect": 0, "active": 1, "dormant": 1, "closed": 2},
}


def differences(wanted: Wanted, model: Resource) -> dict[str, Any]:
    """Fields to change. What the mapping does not speak of stays, other keys of the metadata included.

    Raises:
        Refused: there would be too much metadata.
    """
    told = {name: wanted.fields[name] for name in wanted.told}
    if "metadata" in told:
        told["metadata"] = _merged(wanted, getattr(model, "metadata", {}))
    if told.get("received_at", model) is None:  # no time in the file: it stays what it became
        del told["received_at"]
    own = OWN_TIME.get((wanted.kind, wanted.state))
    if own and wanted.state == getattr(model, "state", None):
        told[own] = wanted.at
    return {name: value for name, value in told.items() if getattr(model, name) != value}


def reaches(wanted: Wanted, model: Any) -> bool:
    """Whether the line brings the resource into another state.

    Not back, and not again when somebody has gone back since: a resource keeps the time at which it was last there.
    """
    if FAR[wanted.kind][wanted.state] <= FAR[wanted.kind][model.state]:
        return False
    own = OWN_TIME.get((wanted.kind, wanted.state))
    return own is None or getattr(model, own) != wanted.at


def reached(wanted: Wanted) -> dict[str, Any]:
    """The fields that say that the state was reached."""
    own = OWN_TIME.get((wanted.kind, wanted.state))
    return {"state": wanted.state} | ({own: wanted.at} if own else {})


def what_happened(wanted: Wanted, *, moves: bool) -> Happened:
    """The state that was reached and when; else an update, whose time nobody tells."""
    return Happened(wanted.state, wanted.at) if moves else UPDATED


def _merged(wanted: Wanted, there: Mapping[str, str]) -> dict[str, str]:
    merged: dict[str, str] = {key: value for key, value in there.items() if key not in wanted.keys} | wanted.fields[
        "metadata"
    ]
    if len(merged) > MOST_METADATA:
        raise Refused([Refusal("too-long", f"There would be more than {MOST_METADATA} keys.", pointer="/metadata")])
    return merged
