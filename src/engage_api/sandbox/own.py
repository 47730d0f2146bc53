"""Whose a sandbox is: the ids of its organization and of their applications, and what stands for these in the hash of
its log and in files. They are changed where ids stand, as whole strings, and never in what people wrote.
"""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from engage_api.access import worlds
from engage_api.access.applications.models import APPLICATION
from engage_api.access.sandboxes.models import Sandbox
from engage_api.access.worlds import GUESTS, LIVE
from engage_api.core.principal import Principal
from engage_api.db import reader
from engage_api.db.engine import Database
from engage_api.db.store import Stored

SELF, SELVES = "app_self", "org_self"
"""What stands for an application, and for its organization."""
IDS = frozenset({"id", "applicationId", "organizationId", "subject", "types"})
ENVELOPE = ("type", "subject", "actor")  # of an event
TEXTS = "metadata"  # nothing in there is ours
SIGNAL, ACTOR = "x.", "application:"
Names = Mapping[str, str]


async def names(db: Database, who: Principal, stored: Stored[Sandbox]) -> dict[str, str]:
    """What stands for whom. In a sandbox that an organization shares, and in its copies, any of their applications may
    have done something; guests know nothing of each other.
    """
    organization = await worlds.owner(db, stored.model.id)
    found = {stored.made_by: SELF}
    if organization != GUESTS:
        anybody, of = replace(who, workspace=LIVE, live=True, sees_workspace=True, customer=""), organization
        theirs = await reader.every(db, anybody, APPLICATION, {"organization_id": of}, "createdAt")
        found |= {json.loads(one)["id"]: SELF for one in theirs}
    return found | ({organization: SELVES} if organization else {})  # none: the sandbox has just ended


def renamed(told: Mapping[str, Any], others: Names) -> dict[str, Any]:
    """An event with these names instead of those. All that a signal says may be an id: no field of it is ours."""
    head = {name: _name(told[name], others) for name in ENVELOPE if name in told}
    signal = str(told.get("type")).startswith(SIGNAL)
    return {**told, **head, "data": _within(told.get("data"), others, ids=signal)}


def line(raw: bytes, others: Names) -> bytes:
    """The same line of a file with these names instead of those; itself when nothing in it changes."""
    if not any(name.encode() in raw for name in others):
        return raw
    match told := json.loads(raw):
        case {"kind": _, "document": document}:
            changed = {**told, "document": _within(document, others)}
        case {"event": dict(happened)}:
            changed = {**told, "event": renamed(happened, others)}
        case _:
            return raw
    if changed == told:
        return raw
    return json.dumps(changed, ensure_ascii=False, separators=(",", ":")).encode()


def _within(value: Any, others: Names, *, ids: bool = False) -> Any:
    """`ids`: this is where an id may stand. Names of members stay as they are where two would be the same."""
    if isinstance(value, dict):
        named = ids and len({_name(name, others) for name in value}) == len(value)
        return {
            _name(name, others) if named else name: one
            if name == TEXTS and not ids
            else _within(one, others, ids=ids or name in IDS)
            for name, one in value.items()
        }
    if isinstance(value, list):
        return [_within(one, others, ids=ids) for one in value]
    return _name(value, others) if ids else value


def _name(value: Any, others: Names) -> Any:
    """An id alone, as who acts (`application:…`), or in the type of a signal (`x.….name`)."""
    if not isinstance(value, str):
        return value
    if value.startswith(SIGNAL):
        first, whose, *rest = [*value.split(".", 2)]
        return ".".join([first, others.get(whose, whose), *rest])
    actor = ACTOR if value.startswith(ACTOR) else ""
    whose = value.removeprefix(actor)
    return actor + others.get(whose, whose)
