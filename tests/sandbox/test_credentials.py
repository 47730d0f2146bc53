"""What a copy lets in, and whom nothing lets in again: credentials do not go back with the time."""

from datetime import timedelta
from typing import Any

import httpx
import pytest

from engage_api.access.guard import Doorkeeper
from engage_api.access.oauth import tokens
from engage_api.access.oauth.tokens import Purpose
from engage_api.core import clock, secret
from engage_api.core.scopes import Scope
from engage_api.db import store, world
from engage_api.db.engine import Transaction
from engage_api.db.errors import Unavailable
from engage_api.sandbox import service as sandboxes
from tests.api.harness import Client, Service, answered, works
from tests.sandbox.clockwork import START, Sandbox, sandbox

DAY = timedelta(days=1)
PLAIN = {"name": "More", "scopes": ["sandbox:write", "customers:read"]}


async def opens(service: Service, key: str) -> bool:
    """Whether it opens it, whatever this process remembers."""
    service.services.doorkeeper.forget_all()
    return await works(service, key, path="/customers")


async def key_of(service: Service, made: httpx.Response) -> tuple[str, dict[str, object]]:
    """The id of a new sandbox, and its first key as it is kept."""
    found = answered(made, 201)
    assert await service.services.doorkeeper.recognise(found["key"]) is not None
    owner = await service.client(await service.key(who=service.world.operator._replace(workspace=found["id"])))
    [first] = [one for one in (await owner.read("/api-keys"))["items"] if one["name"] == sandboxes.FIRST_KEY]
    return found["id"], first


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_the_key_of_a_copy_can_do_no_more_than_whoever_made_it(service: Service) -> None:
    """With what they have, from where they may, and for as long; of a new world it can do everything."""
    here = await sandbox(service)
    until = clock.wire(START + DAY)
    made = await here.client.made("/api-keys", {**PLAIN, "networks": ["127.0.0.0/8"], "expiresAt": until})
    narrow = await service.client(made["key"])
    _, first = await key_of(service, await narrow.post(f"/sandboxes/{here.id}/forks", json={}))
    assert (first["scopes"], first["networks"]) == (["customers:read", "sandbox:write"], ["127.0.0.0/8"])
    assert clock.wire(START + DAY - timedelta(seconds=9)) < str(first["expiresAt"]) <= until
    file = (await narrow.get(f"/sandboxes/{here.id}/export")).content
    kind = {"Content-Type": "application/jsonl"}
    _, first = await key_of(service, await narrow.post("/sandboxes/imports", content=file, headers=kind))
    assert (first["scopes"], first["networks"]) == (["customers:read", "sandbox:write"], ["127.0.0.0/8"])
    assert str(first["expiresAt"]) <= until
    start = {"now": "2031-01-01T00:00:00Z", "mode": "frozen"}
    _, first = await key_of(service, await narrow.post("/sandboxes", json={"size": "empty", "clock": start}))
    assert first["networks"] == ["127.0.0.0/8"]
    assert "2031-01-01T23:59" < str(first["expiresAt"]) <= "2031-01-02T00:00:00.000Z"
    assert {Scope.CASES_WRITE, Scope.SANDBOX_WRITE} <= set(map(Scope, first["scopes"]))  # type: ignore[call-overload]


def test_a_moment_by_another_clock_can_be_written() -> None:
    assert sandboxes.carried(None, START, START) is None
    assert sandboxes.carried(START, START - DAY, START) == START + DAY
    assert sandboxes.carried(sandboxes.LAST, START, START + DAY) == sandboxes.LAST


async def token(service: Service, here: Sandbox) -> str:
    made = secret.make("test", "token")
    purpose = Purpose(here.owner.id, None, here.owner.id, here.id, "customers:read")
    await tokens.issue(service.db, service.services.pepper, made, purpose)
    return made.reveal()


async def test_nothing_opens_it_again_when_the_clock_goes_back(service: Service) -> None:
    here = await sandbox(service)
    lasting = await here.client.made("/api-keys", {**PLAIN, "expiresAt": clock.wire(START + 9 * DAY)})
    short = await here.client.made("/api-keys", {**PLAIN, "expiresAt": clock.wire(START + DAY)})
    turned = await here.client.made("/api-keys", PLAIN)
    plain, shown = await here.client.made("/api-keys", PLAIN), await token(service, here)
    taken = await here.client.made(f"/sandboxes/{here.id}/snapshots", {})
    await here.client.made(f"/api-keys/{turned['id']}/rotations", {"overlap": "P9D"})
    assert await opens(service, turned["key"])
    assert await opens(service, shown)
    async with service.db.write(here.id) as tx:
        await world.set_clock(tx, clock.Clock(START + 2 * DAY, clock.host(), clock.FROZEN))
    answered(await here.client.post(f"/sandboxes/{here.id}/restorations", json={"snapshotId": taken["id"]}), 201)
    for key, stays in ((lasting, True), (plain, True), (short, False), (turned, False)):
        assert await opens(service, key["key"]) is stays, key["id"]
    assert not await opens(service, shown)


async def test_where_no_key_was_first_a_reset_leaves_all_and_ids_go_on(service: Service) -> None:
    """The sandbox of an organization: each of its applications has made keys there, after its beginning."""
    here = await sandbox(service, size="tiny")
    before = await here.client.made("/api-keys", PLAIN)
    turned = await here.client.made("/api-keys", PLAIN)
    await here.client.made(f"/api-keys/{turned['id']}/rotations", {"overlap": "P9D"})
    for _ in range(2):
        answered(await here.client.post(f"/sandboxes/{here.id}/resets", json={}), 201)
        assert await opens(service, here.client.key)
        assert await opens(service, before["key"])
        assert not await opens(service, turned["key"])
        await here.client.made("/api-keys", PLAIN)  # with an id that no other has
    assert len((await here.client.read("/customers"))["items"]) > 5


async def busy(service: Service, workspace: str, what: str | None) -> None:
    async with service.db.system.write(None) as tx:
        await tx.run(world._BUSY, at_workspace=workspace, busy=what, done=0, total=0)


async def test_a_credential_that_leaked_ends_while_its_sandbox_is_copied(service: Service) -> None:
    here = await sandbox(service)
    made, shown = await here.client.made("/api-keys", PLAIN), await token(service, here)
    one = await here.client.made("/customers", {"kind": "person", "displayName": "Zoë"})
    session = (await here.client.made(f"/customers/{one['id']}/sessions", {}))["token"]
    await busy(service, here.id, "copying")
    nobody = await service.client()
    for leaked, path in ((made["key"], "/customers"), (shown, "/customers"), (session, "/me")):
        assert await works(service, leaked, path=path)
        assert (await nobody.post("/api-keys/leaked", json={"key": leaked})).status_code == 204
        assert not await works(service, leaked, path=path)
    await busy(service, here.id, None)
    tag = {"If-Match": "*"}
    assert (await here.client.delete(f"/api-keys/{made['id']}", headers=tag)).status_code == 204, "still in the list"


async def used(client: Client, key: str) -> str | None:
    found: str | None = (await client.read(f"/api-keys/{key}"))["lastUsedAt"]
    return found


async def test_one_that_is_held_up_loses_nobodys_last_use(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    here, there = await sandbox(service), await sandbox(service)
    made = [await place.client.made("/api-keys", PLAIN) for place in (here, here, there)]
    for one in made:
        assert await works(service, one["key"], path="/customers")
    keeper = service.services.doorkeeper
    assert isinstance(keeper, Doorkeeper)
    await busy(service, there.id, "copying")
    amend = store.amend

    async def held(tx: Transaction, workspace: str, *more: Any) -> None:
        if workspace == here.id:
            raise Unavailable
        await amend(tx, workspace, *more)

    monkeypatch.setattr(store, "amend", held)
    await keeper.write_uses()
    assert await used(there.client, made[2]["id"]) is not None
    assert await used(here.client, made[0]["id"]) is None
    monkeypatch.undo()
    await keeper.write_uses()
    assert None not in [await used(here.client, one["id"]) for one in made[:2]]
