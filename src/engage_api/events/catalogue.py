"""The catalogue of event types: told from the kinds of resources themselves, for the description and the portal."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from engage_api.db.kind import Kind
from engage_api.events.webhooks.signing import ID, SIGNATURE, TIMESTAMP
from engage_api.http import examples

SIGNAL, OF_SIGNALS = "x.organization.name", "SignalEvent"
JSON = "application/json"
TEXT = {"type": "string"}
SIGNED: dict[str, dict[str, Any]] = {
    ID: {"description": "The id of the event: the same at every attempt.", "schema": TEXT},
    TIMESTAMP: {"description": "When it was sent, in seconds since 1970.", "schema": TEXT | {"pattern": "^[0-9]+$"}},
    SIGNATURE: {"description": "Signatures, with a blank between them (Standard Webhooks 1.0).", "schema": TEXT},
}
"""The headers of a delivery."""


class EventType(NamedTuple):
    """A type of event, a sentence about it, and the schema of its events."""

    name: str
    sentence: str
    schema: str

    @property
    def operation(self) -> str:
        """What receiving one is called in a client: `receive_case_delivered`."""
        words = "signal" if self.name == SIGNAL else self.name.removeprefix("engage.").removesuffix(".v1")
        return f"receive_{words.replace('.', '_').replace('-', '_')}"


def types() -> Iterator[EventType]:
    """Every type of event that there can be."""
    for kind in _kinds():
        for name, sentence in kind.events():
            yield EventType(name, sentence, schema_of(kind))
    yield EventType(SIGNAL, "An application of yours told what happened elsewhere.", OF_SIGNALS)


def _kinds() -> list[Kind[Any]]:
    """In an order that does not depend on what was imported first."""
    return [Kind.known[name] for name in sorted(Kind.known)]


def schema_of(kind: Kind[Any]) -> str:
    """The name of the schema of a kind's events."""
    return f"{kind.public.__name__}Event"


def describe(document: dict[str, Any]) -> None:
    """Add to an OpenAPI description what is sent to webhooks, each type with its schema and an example."""
    components = document["components"]
    components["parameters"] |= {_name(header): _parameter(header) for header in SIGNED}
    components["schemas"] |= schemas(components["schemas"])
    document["webhooks"] = {one.name: {"post": _webhook(one, components["schemas"])} for one in types()}


def schemas(known: dict[str, Any]) -> dict[str, Any]:
    """The schemas of events by name: the envelope that all have, and what is inside. `known` has those of resources."""
    event = known["Event"]
    found = {}
    for kind in _kinds():
        named = {"type": TEXT | {"x-extensible-enum": [name for name, _ in kind.events()]}}
        inside = {"data": {"$ref": f"#/components/schemas/{kind.public.__name__}"}}
        told = {"description": f"Something that happened to {_one(kind)}."}
        found[schema_of(kind)] = {**event, **told, "properties": event["properties"] | named | inside}
    named = {"type": known["SignalCreate"]["properties"]["type"]}
    told = {"description": "Something that happened elsewhere."}
    return found | {OF_SIGNALS: {**event, **told, "properties": event["properties"] | named}}


def example(one: EventType, known: dict[str, Any]) -> dict[str, Any]:
    """An event of this type as it could be, made of the examples that stand beside each field."""
    made: dict[str, Any] = examples.of(known["Event"], known)
    if one.name == SIGNAL:
        told: dict[str, Any] = examples.of(known["SignalCreate"], known)
        return made | told
    properties = known[one.schema]["properties"]
    data = examples.of(properties["data"], known)
    state = known[properties["data"]["$ref"].rpartition("/")[2]]["properties"].get("state", {})
    happened = one.name.split(".")[2]
    if happened in state.get("enum", ()):
        data["state"] = happened
    return made | {"type": one.name, "subject": data["id"], "data": data}


def _webhook(one: EventType, known: dict[str, Any]) -> dict[str, Any]:
    body = {"schema": {"$ref": f"#/components/schemas/{one.schema}"}, "example": example(one, known)}
    return {
        "operationId": one.operation,
        "summary": f"Receive {one.name}",
        "description": f"{one.sentence}\n\nSent to the webhook endpoints that take this type.",
        "tags": ["Events"],
        "security": [],
        "parameters": [{"$ref": f"#/components/parameters/{_name(header)}"} for header in SIGNED],
        "requestBody": {"required": True, "content": {JSON: body}},
        "responses": {"2XX": {"description": "Taken. After anything else it is tried again; 410 ends the endpoint."}},
    }


def _parameter(header: str) -> dict[str, Any]:
    return {"name": header, "in": "header", "required": True, **SIGNED[header]}


def _name(header: str) -> str:
    return header.replace("-", " ").title().replace(" ", "")


def _one(kind: Kind[Any]) -> str:
    words = kind.name.replace("-", " ").replace("api", "API")
    return f"an {words}" if words[0] in "aeioAu" else f"a {words}"
