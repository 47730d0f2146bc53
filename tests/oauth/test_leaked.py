"""What somebody says has leaked, and has made up."""

from typing import Any

import pytest

from engage_api.access.oauth import store
from engage_api.core import secret
from tests.accounts.browsing import Town
from tests.members.people import Person
from tests.oauth.programs import Program
from tests.oauth.test_ends import opens


class Watched:
    """A database that counts the transactions that are begun across workspaces through it."""

    def __init__(self, db: Any) -> None:
        self._db, self.begun = db, 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._db, name)

    @property
    def system(self) -> "Watched":
        return self

    def write(self, wall: str | None) -> Any:
        self.begun += 1
        return self._db.system.write(wall)

    async def one(self, *given: Any, **more: Any) -> Any:
        return await self._db.system.one(*given, **more)


async def test_tokens_that_somebody_makes_up_cost_a_look_and_no_write(
    town: Town, program: Program, ada: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    got = await program.tokens(ada.browser)
    doorkeeper: Any = town.service.services.doorkeeper
    assert await opens(town.service, got["access_token"])
    watched, known = Watched(doorkeeper.db), dict(doorkeeper._known)
    monkeypatch.setattr(doorkeeper, "db", watched)
    for _ in range(5):
        forged = secret.make("test", store.KIND).reveal()
        assert (await town.service.ask("POST", "/v1/api-keys/leaked", {"key": forged})).status == 204
    assert watched.begun == 0
    assert known.items() <= doorkeeper._known.items()
    assert (await town.service.ask("POST", "/v1/api-keys/leaked", {"key": got["refresh_token"]})).status == 204
    assert watched.begun == 1
    assert not await opens(town.service, got["access_token"])
