"""What the guard keeps in mind: no more than it may, and nothing that was said to be forgotten meanwhile."""

from typing import Any

import pytest

from engage_api.access import guard, keys
from engage_api.access.guard import Doorkeeper
from engage_api.core.principal import Principal
from tests.api.harness import Service, refused, works


@pytest.fixture
def doorkeeper(service: Service) -> Doorkeeper:
    keeper = service.services.doorkeeper
    assert isinstance(keeper, Doorkeeper)
    return keeper


async def test_it_keeps_so_many_and_no_more(
    service: Service, doorkeeper: Doorkeeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guard, "MOST_KNOWN", 3)
    made = [await service.key("cases:read") for _ in range(8)]
    for _ in range(2):
        for key in made:
            assert await works(service, key)
            assert len(doorkeeper._known) <= 3


async def test_what_is_revoked_while_it_is_looked_up_is_not_kept(
    service: Service, doorkeeper: Doorkeeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = await service.key("cases:read", who=service.world.operator)
    holder = keys.holder

    async def late(*given: Any) -> Principal | None:
        found = await holder(*given)
        assert found is not None
        async with service.db.write(found.workspace) as tx:
            await keys.revoke(tx, found, found.credential)
        doorkeeper.forget(found.credential)
        return found

    monkeypatch.setitem(guard.HOLDERS, guard.KEY, late)
    assert await works(service, key)  # it was asked for before the key ended
    monkeypatch.setitem(guard.HOLDERS, guard.KEY, holder)
    refused(await (await service.client(key)).get("/cases"), 401, "unauthenticated")


async def test_what_happens_to_a_sandbox_is_nothing_to_others(
    service: Service, doorkeeper: Doorkeeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What opens it is looked up again, also when that was under way, and nothing else is."""
    ours, theirs = [
        await service.key("cases:read", who=who) for who in (service.world.operator, service.world.developer)
    ]
    holder, asked = keys.holder, []

    async def counted(*given: Any) -> Principal | None:
        found = await holder(*given)
        assert found is not None
        asked.append(found.workspace)
        if len(asked) == 1:
            doorkeeper.forget_workspace(found.workspace)
        return found

    monkeypatch.setitem(guard.HOLDERS, guard.KEY, counted)
    monkeypatch.setattr(guard, "MOST_KNOWN", 5)
    monkeypatch.setattr(doorkeeper, "trusted_for", 600.0)
    sandbox = service.world.developer.workspace
    for _ in range(2):
        assert await works(service, theirs)
    assert asked == [sandbox, sandbox], "it was emptied while it was looked up"
    for _ in range(2):
        assert await works(service, ours)
        doorkeeper.forget_workspace(sandbox)
        assert await works(service, theirs)
    assert asked[2:].count(sandbox) == 2
    assert len(asked) == 5
    for number in range(9):
        doorkeeper.forget_workspace(f"sbx_{number}")
        assert len(doorkeeper._emptied) <= 5
