"""Plans for tests: as data, like the operator's own."""

from itertools import count
from typing import Any

import httpx
from http_sf import parse
from sqlalchemy import insert

from engage_api.access.worlds import PlanRow
from engage_api.db.sql import Query
from tests.api.harness import Service

_ADD = Query(insert(PlanRow.__table__))  # type: ignore[attr-defined]  # SQLModel makes it
_numbers = count(1)


async def make_plan(
    service: Service, *, window: int = 1000, seconds: int = 60, burst: int = 1000, quota: int | None = None
) -> str:
    """The name of a new plan: so many requests in so many seconds, in any one second, and on a day."""
    name = f"plan-{next(_numbers)}"
    async with service.db.write(None) as tx:
        await tx.run(_ADD, name=name, requests=window, seconds=seconds, burst=burst, quota=quota)
    return name


def fields(answer: httpx.Response, header: str) -> dict[str, dict[str, int]]:
    """A list of structured fields (RFC 9651) by their names: what draft-ietf-httpapi-ratelimit-headers-11 wants."""
    found: Any = parse(answer.headers[header].encode(), tltype="list")
    return {name: dict(parameters) for name, parameters in found}
