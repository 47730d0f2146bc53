"""What the description says that a sandbox may answer to a write, it answers: while it is busy, and when it is full."""

from sqlalchemy import update

from engage_api.db import Query
from engage_api.db.world import WorldRow
from tests.attack import catalogue
from tests.attack.catalogue import Operation
from tests.attack.world import World
from tests.running import Application, service

_world = WorldRow.__table__  # type: ignore[attr-defined]
BUSY = Query(update(_world).values(busy="copying"))
FULL = Query(update(_world).values(busy=None, quota=_world.c.number))
SIGNAL = {"type": "x.org_guests.meter.exceeded"}  # of the organization that sends it
LEAST = 25  # operations


def declared(code: str) -> list[Operation]:
    """Those that may answer so, but for what is done to sandboxes themselves."""
    found = []
    for one in catalogue.writes():
        refusals = catalogue.description()["paths"][one.path][one.method.lower()]["responses"]
        if not one.path.startswith("/sandboxes") and f"`{code}`" in refusals.get("409", {}).get("description", ""):
            found.append(one)
    assert len(found) >= LEAST
    return found


async def test_writes_answer_what_is_declared(sqlite_url: str) -> None:
    async with service(sqlite_url) as here:
        made = (await here.ask("POST", "/v1/sandboxes", {"size": "empty"})).json
        world = World(here, made["key"], application=Application("app_guest", made["id"]))
        await world.fill()
        for code, state in (("sandbox-busy", BUSY), ("sandbox-full", FULL)):
            async with here.db.system.write(None) as tx:
                await tx.run(state)
            for operation in declared(code):
                body = operation.example | SIGNAL if operation.name == "create_signal" else operation.example
                answer = await world.send(operation, body)
                assert (answer.status, answer.code) == (409, code), (operation, answer.body)
                if code == "sandbox-busy":
                    assert answer.header("retry-after") == "1", operation
