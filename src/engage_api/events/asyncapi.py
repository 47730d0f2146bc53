"""What is sent, as AsyncAPI 3.0 says it: the stream and the webhooks, with every type of event."""

import re
from collections.abc import Iterable
from typing import Any
from urllib.parse import urlsplit

from engage_api.events import catalogue
from engage_api.events.catalogue import JSON, SIGNED

VERSION = "3.0.0"
STREAM, WEBHOOKS, HEADERS = "stream", "webhooks", "WebhookHeaders"
ABOUT = "Everything that happens, as CloudEvents 1.0: on a stream that you follow, or sent to your webhooks."
_REFERENCE = re.compile(r"#/components/schemas/(\w+)")


def build(description: dict[str, Any], address: str) -> dict[str, Any]:
    """The document, from the OpenAPI description of the same service, which is at this address."""
    info, known = description["info"], description["components"]["schemas"]
    types = list(catalogue.types())
    return {
        "asyncapi": VERSION,
        "info": {
            "title": f"{info['title']}: events",
            "version": info["version"],
            "description": ABOUT,
            "contact": info["contact"],
            "license": {"name": info["license"]["name"], "url": "https://www.apache.org/licenses/LICENSE-2.0"},
        },
        "defaultContentType": JSON,
        "servers": {"here": _server(address)},
        "channels": {
            STREAM: _channel(
                "/events/stream",
                "Server-sent events: each is one event. `Last-Event-ID` goes on after one; `problem` is the last.",
                {one.name: {"$ref": f"#/components/messages/{one.name}"} for one in types}
                | {"problem": {"$ref": "#/components/messages/problem"}},
            ),
            WEBHOOKS: _channel(
                None,
                "POST requests to the URLs of webhook endpoints, signed as Standard Webhooks 1.0 says.",
                {one.name: _message(one) | {"headers": _schema(HEADERS)} for one in types},
            ),
        },
        "operations": {
            "stream_events": _operation(STREAM, "Follow the log as a stream", "GET"),
            "deliver_events": _operation(WEBHOOKS, "Send events to webhook endpoints", "POST"),
        },
        "components": {
            "messages": {one.name: _message(one) | _examples(one, known) for one in types} | {"problem": _PROBLEM},
            "schemas": _reached({one.schema for one in types} | {"Problem"}, known) | {HEADERS: _headers()},
            "securitySchemes": {"bearer": description["components"]["securitySchemes"]["bearer"]},
        },
    }


_PROBLEM = {
    "name": "problem",
    "summary": "Why the stream ends.",
    "contentType": "application/problem+json",
    "payload": {"$ref": "#/components/schemas/Problem"},
}


def _server(address: str) -> dict[str, Any]:
    parts = urlsplit(address)
    return {
        "host": parts.netloc,
        "pathname": f"{parts.path.rstrip('/')}/v1",
        "protocol": parts.scheme,
        "security": [{"$ref": "#/components/securitySchemes/bearer"}],
    }


def _channel(address: str | None, description: str, messages: dict[str, Any]) -> dict[str, Any]:
    where = {"servers": [{"$ref": "#/servers/here"}]} if address else {}
    return {"address": address, "description": description, "messages": messages, **where}


def _operation(channel: str, summary: str, method: str) -> dict[str, Any]:
    return {
        "action": "send",
        "channel": {"$ref": f"#/channels/{channel}"},
        "summary": summary,
        "bindings": {"http": {"method": method, "bindingVersion": "0.3.0"}},
    }


def _message(one: catalogue.EventType) -> dict[str, Any]:
    return {"name": one.name, "title": one.name, "summary": one.sentence, "payload": _schema(one.schema)}


def _examples(one: catalogue.EventType, known: dict[str, Any]) -> dict[str, Any]:
    return {"examples": [{"payload": catalogue.example(one, known)}]}


def _headers() -> dict[str, Any]:
    parts = {name: says["schema"] | {"description": says["description"]} for name, says in SIGNED.items()}
    told = "What Standard Webhooks 1.0 puts beside a body."
    return {"type": "object", "description": told, "required": list(parts), "properties": parts}


def _schema(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


def _reached(names: Iterable[str], known: dict[str, Any]) -> dict[str, Any]:
    """The schemas of these names and all that they refer to."""
    found: dict[str, Any] = {}
    waiting = sorted(names)
    while waiting:
        if (name := waiting.pop()) not in found:
            found[name] = known[name]
            waiting += _REFERENCE.findall(str(known[name]))
    return dict(sorted(found.items()))
