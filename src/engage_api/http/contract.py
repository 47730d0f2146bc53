"""The description of the API as it is served and as it is committed."""

import json
from typing import Any

from fastapi import FastAPI, Request, Response
from starlette.routing import Route

from engage_api.http import etags, openapi, samples
from engage_api.settings import Contact

DESCRIPTION = """\
Customers, cases and offers of an organisation, with the log of everything that happened to them.

The log can be read in pages, waited for, followed as a stream of server-sent events, and posted to you as webhooks.

Send `Authorization: Bearer <key>` with every request. A key belongs to one workspace, the live one or a sandbox, and
that is all it can see. Lists are paged by `nextCursor`; a change of something that others may edit needs `If-Match`;
every `POST` may be repeated safely with an `Idempotency-Key`. What goes wrong is answered as
`application/problem+json`.

In a sandbox a call has the fault that its header `Engage-Fault` asks for: `latency=2000`, `status=429`, `status=500`,
`status=503`, `drop=before`, `drop=after-commit`, `drop=mid-body` or `revoke`.
"""

TAGS = [
    {"name": "Customers", "description": "The people and organizations that are served."},
    {"name": "Me", "description": "What a customer's own token opens."},
    {"name": "Cases", "description": "Everything needed for an outcome that somebody wants."},
    {"name": "Tasks", "description": "The steps of a case; all together they are the worklist."},
    {"name": "Offers", "description": "Propositions that customers can accept."},
    {"name": "Events", "description": "The log: everything that happened, in order, in pages or as a stream."},
    {"name": "Webhooks", "description": "Where events are posted to, and what became of each delivery."},
    {"name": "Sandboxes", "description": "Worlds made for trying, each with a clock of its own."},
    {"name": "API keys", "description": "Who may call, and what for."},
    {"name": "Organizations", "description": "The parties that have applications, sandboxes and a plan."},
    {"name": "Members", "description": "The people of organizations, what each may do, and who is invited."},
    {
        "name": "Applications",
        "description": "The programs of organizations, and the secrets that prove who they are.",
    },
    {"name": "Usage", "description": "How often applications call, and how that went."},
    {"name": "Jobs", "description": "What the service has promised and not done yet. For its operator."},
]


def documents(api: FastAPI, base_url: str = samples.HERE) -> dict[str, bytes]:
    """The description by file name, as bytes that are the same for the same routes: OpenAPI, and AsyncAPI."""
    newest = openapi.build(api)
    found = {"v1.json": newest, "v1-3.1.json": openapi.older(newest)}
    if messages := getattr(api.state, "messages", None):
        found["asyncapi.json"] = messages(newest, base_url)
    return {name: _text(document) for name, document in found.items()}


def served(api: FastAPI, base_url: str, contact: Contact) -> dict[str, bytes]:
    """The same as a service tells it of itself: with its own address in the examples, and its operator's."""
    found = {}
    for name, text in documents(api, base_url).items():
        document = json.loads(text.replace(samples.HERE.encode(), json.dumps(base_url)[1:-1].encode()))
        told = document["info"]["contact"]
        told |= {"url": contact.url or told["url"], "email": contact.email}
        if not contact.email:
            del told["email"]
        found[name] = _text(document)
    return found


def serve(api: FastAPI) -> None:
    """Answer `/openapi.json`, `/openapi-3.1.json` and `/asyncapi.json`. They are made when one is first asked for."""
    made: dict[str, bytes] = {}

    def show(name: str) -> Any:
        async def answer(request: Request) -> Response:
            if not made:
                services = request.scope["state"]["services"]
                made.update(served(api, services.base_url, services.contact))
            response = etags.answer(request, made[name])
            response.headers["Cache-Control"] = "public, max-age=300"
            response.headers["Access-Control-Allow-Origin"] = "*"
            return response

        return answer

    api.router.routes += [
        Route("/openapi.json", show("v1.json")),
        Route("/openapi-3.1.json", show("v1-3.1.json")),
        Route("/asyncapi.json", show("asyncapi.json")),
    ]


def _text(document: dict[str, Any]) -> bytes:
    return json.dumps(document, ensure_ascii=False, indent=2).encode() + b"\n"
