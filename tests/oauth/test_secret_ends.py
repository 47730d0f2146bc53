"""Tokens and the secret that they were got with: they end together, also when both happen at once."""

from typing import Any

import pytest

from engage_api.access.oauth import tokens
from tests.oauth import parties
from tests.oauth.parties import GRANT, TOKEN, Credential, Party, introspected, post, token
from tests.oauth.test_ends import INACTIVE, opens
from tests.oauth.test_refused import issued
from tests.running import Service


async def test_tokens_end_with_the_secret_that_they_were_got_with(service: Service, ours: Party) -> None:
    at = f"/applications/{ours.application}/secrets"
    for who, environment in ((ours.test, "test"), (ours.live, "live")):
        made = await parties.made(service, ours.operator, at, {"environment": environment})
        second = Credential(who.id, made["secret"])
        old, new = await token(service, second), await token(service, who)
        gone = await service.ask("DELETE", f"/v1{at}/{made['id']}", key=ours.operator)
        assert gone.status == 204
        assert not await opens(service, old)
        assert await introspected(service, who, old) == INACTIVE
        assert await opens(service, new), "the other secret goes on, and what was got with it"


async def test_no_token_outlives_a_secret_that_is_deleted_while_it_is_made(
    service: Service, ours: Party, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = f"/applications/{ours.application}/secrets"
    made = await parties.made(service, ours.operator, at, {"environment": "test"})
    issue = tokens.issue

    async def late(*given: Any) -> None:
        assert (await service.ask("DELETE", f"/v1{at}/{made['id']}", key=ours.operator)).status == 204
        await issue(*given)

    monkeypatch.setattr(tokens, "issue", late)
    before = await issued(service)
    refused = await post(service, TOKEN, {"grant_type": GRANT}, Credential(ours.test.id, made["secret"]))
    assert (refused.status, refused.json["error"]) == (401, "invalid_client")
    assert await issued(service) == before
