"""Who is refused for what their sandbox is like has used up a request like anybody else."""

from typing import Any

import pytest

from engage_api.http.limits import Limits
from engage_api.sandbox.copies import standing
from tests.api.harness import Service, refused
from tests.sandbox.clockwork import sandbox


async def test_refusals_by_a_closed_sandbox_and_by_a_revoked_credential_count(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    spent, spend = [], Limits.spend

    async def counted(self: Limits, *given: Any) -> Any:
        spent.append(given)
        return await spend(self, *given)

    monkeypatch.setattr(Limits, "spend", counted)
    box = await sandbox(service)
    refused(await box.client.get("/offers", headers={"Engage-Fault": "revoke"}), 401, "unauthenticated")
    before = len(spent)
    answer = await box.client.get("/offers")
    refused(answer, 401, "unauthenticated")
    assert len(spent) == before + 1
    assert "ratelimit" not in answer.headers
    closed = await sandbox(service)
    async with service.db.system.write(None) as tx:
        await standing.busy(tx, closed.id, standing.CLOSED)
    before = len(spent)
    refused(await closed.client.get("/offers"), 503, "unavailable")
    assert len(spent) == before + 1
