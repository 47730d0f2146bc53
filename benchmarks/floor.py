"""What there is to be compared with: an ASGI application that does nothing, and a bare route."""

from datetime import UTC, datetime

from fastapi import FastAPI
from pydantic import BaseModel
from starlette.types import Receive, Scope, Send

from benchmarks import sample

BODY = b'{"id":"cus_01kb0m5xnye0rt2e5v3h4q8zj9"}'
HEADERS = [(b"content-type", b"application/json"), (b"content-length", str(len(BODY)).encode())]


async def raw(_scope: Scope, _receive: Receive, send: Send) -> None:
    """The same few bytes, whatever is asked."""
    await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
    await send({"type": "http.response.body", "body": BODY})


class Customer(BaseModel):
    """Sixteen plain fields."""

    id: str
    external_id: str
    kind: str
    display_name: str
    email: str
    phone: str
    language: str
    contactable: bool
    segment: str
    role: str
    location: str
    intent: str
    department: str
    priority: str
    created_at: datetime
    updated_at: datetime


NOW = datetime(2026, 11, 21, 20, tzinfo=UTC)
CONSTANT = Customer(id="cus_01kb0m5xnye0rt2e5v3h4q8zj9", created_at=NOW, updated_at=NOW, **sample.flat(1))
bare = FastAPI(openapi_url=None)


@bare.get("/customer")
async def get_customer() -> Customer:
    """One constant model, serialised by FastAPI's fastest way: no middleware, no dependency, no parameter."""
    return CONSTANT
