"""The page of each kind's events: what each type says, and an example of it."""

import json
from collections.abc import Iterator

from engage_api.db.kind import Kind
from engage_api.events import catalogue
from portal.generated.api import KINDS, doors
from portal.generated.operations import document
from portal.generated.tables import table

SIGNALS = "signal"


def path(kind: str) -> str:
    """Where the page of a kind's events is."""
    return f"event-types/{kind}.md"


def anchor(name: str) -> str:
    """Where a type's heading is on that page."""
    return name.replace(".", "-")


def pages() -> Iterator[tuple[str, str, str]]:
    """For each kind its title, the path of its page and the Markdown; at last for signals."""
    types = {one.name: one for one in catalogue.types()}
    for kind, where, _ in KINDS:
        words = kind.name.replace("-", " ").replace("api", "API")
        title = f"{words[0].upper()}{words[1:]}"
        inside = f"`data` is the {words} as it was then. {_fields(where)}".strip()
        yield title, path(kind.name), _page(title, inside, [types[name] for name, _ in kind.events()])
    own = "`data` is what was sent. [How to send one](../events.md#signals)."
    yield "Signal", path(SIGNALS), _page("Signal", own, [types[catalogue.SIGNAL]])


def links() -> Iterator[tuple[str, str]]:
    """Each type with its sentence, linked to its place on its page."""
    kinds = {catalogue.schema_of(kind): kind.name for kind in Kind.known.values()}
    order = [catalogue.schema_of(kind) for kind, _, _ in KINDS] + [catalogue.OF_SIGNALS]
    for one in sorted(catalogue.types(), key=lambda one: order.index(one.schema)):
        place = f"{path(kinds.get(one.schema, SIGNALS))}#{anchor(one.name)}"
        yield f"[`{one.name}`]({place})", one.sentence


def event_types() -> str:
    """Every event type, in a table."""
    return table(("Type", "What happened"), links())


def _page(title: str, inside: str, types: list[catalogue.EventType]) -> str:
    head = {"title": f"Events: {title}", "description": f"Types of events: {title.lower()}, each with an example."}
    parts = [
        "---\n" + "".join(f"{name}: {json.dumps(text)}\n" for name, text in head.items()) + "---",
        f"# Events: {title}",
        f"[How events look, and how to follow them](../events.md). {inside}",
        *(_type(one) for one in types),
    ]
    return "\n\n".join(parts) + "\n"


def _type(one: catalogue.EventType) -> str:
    shown = json.dumps(catalogue.example(one, document()["components"]["schemas"]), indent=2, ensure_ascii=False)
    block = "\n".join(f"    {line}" for line in ["```json", *shown.splitlines(), "```"])
    return f'## `{one.name}` {{ #{anchor(one.name)} }}\n\n{one.sentence}\n\n??? example "Example"\n\n{block}'


def _fields(where: str) -> str:
    """Where the fields of a kind are told: at the operation that reads one, or lists them."""
    reads = [door for door in doors() if door.operation.method == "get"]
    for shape in (f"{where}/{{", where):
        for door in reads:
            if door.operation.path.startswith(shape) and door.operation.path.count("/") <= shape.count("/"):
                return f"[Its fields](../operations/{door.operation.name.replace('_', '-')}.md)."
    return ""
