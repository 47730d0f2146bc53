"""When a case or a task is overdue and when it is not any more, and what else time ends."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from engage_api.access import keys
from engage_api.access.models import API_KEY, KeyRotation
from engage_api.cases import service as cases
from engage_api.cases.models import CASE, CaseState, CaseTransition, CaseUpdate
from engage_api.cases.tasks import service as tasks
from engage_api.cases.tasks.models import TASK, TaskState, TaskTransition, TaskUpdate
from engage_api.core.principal import Principal
from engage_api.core.problem import InvalidRequest
from engage_api.db import Database, reader
from engage_api.db.engine import Transaction
from engage_api.db.kind import Kind
from engage_api.jobs import moments
from engage_api.offers import service as offers
from engage_api.offers.models import OFFER, OfferCreate, OfferUpdate
from tests.moments.story import DAY, START, case, key, offer, sandbox, told

Change = Callable[[Transaction, Principal, str], Awaitable[Any]]


async def at(db: Database, principal: Principal, day: float) -> None:
    await moments.play(db, principal.workspace, START + day * DAY, seconds=60)


async def done(db: Database, principal: Principal, one: str, *changes: Change) -> None:
    for change in changes:
        async with db.write(principal.workspace) as tx:
            await change(tx, principal, one)


async def there(db: Database, principal: Principal, kind: Kind[Any], one: str) -> Any:
    document = await reader.document(db, principal, kind, one)
    assert document is not None
    return kind.read(document)


async def listed(db: Database, principal: Principal, kind: Kind[Any]) -> set[str]:
    ask = reader.Ask({"overdue": "true"}, None, "createdAt", None, 50)
    return {kind.read(document).id for document in (await reader.page(db, principal, kind, ask)).documents}


def task_to(to: TaskState) -> Change:
    return lambda tx, who, one: tasks.move(tx, who, one, TaskTransition(to=to, reason="So."), None)


def case_to(to: CaseState) -> Change:
    return lambda tx, who, one: cases.move(tx, who, one, CaseTransition(to=to, reason="So."), None)


def task_with(**fields: Any) -> Change:
    return lambda tx, who, one: tasks.change(tx, who, one, TaskUpdate(**fields), "*")


def case_with(**fields: Any) -> Change:
    return lambda tx, who, one: cases.change(tx, who, one, CaseUpdate(**fields), "*")


def offer_with(**fields: Any) -> Change:
    return lambda tx, who, one: offers.change(tx, who, one, OfferUpdate(**fields), "*")


Tried = tuple[tuple[Change, ...], list[float]]
OF_TASKS: dict[str, Tried] = {
    "nothing": ((), [1]),
    "a change of something else": ((task_with(title="Another"), task_to("active")), [1]),
    "failed": ((task_to("active"), task_to("failed"), task_to("available")), [1]),
    "completed": ((task_to("active"), task_to("completed")), []),
    "skipped": ((task_to("skipped"),), []),
    "opened again": ((task_to("skipped"), task_to("available")), [1, 2]),
    "another due date": ((task_with(due_at=START + 3 * DAY),), [1, 3]),
    "another that is over": ((task_with(due_at=START + DAY / 2),), [1, 2]),
    "no due date": ((task_with(due_at=None),), []),
}
ON_THE_WAY = (case_to("accepted"), case_to("in-progress"))
OF_CASES: dict[str, Tried] = {
    "nothing": ((), [1]),
    "on its way": ((*ON_THE_WAY, case_with(title="Another")), [1]),
    "delivered": ((*ON_THE_WAY, case_to("delivered")), []),
    "rejected": ((case_to("rejected"),), []),
    "opened again": ((case_to("withdrawn"), case_to("in-progress")), [1, 2]),
    "another due date": ((case_with(due_at=START + 3 * DAY),), [1, 3]),
}


async def test_overdue_lasts_as_long_as_it_is_owed(database: Database) -> None:
    """Due on day 1; changed on day 2; looked at on day 4. The days on which each was told to be overdue; the last is
    since when it is, and none that it is not any more.
    """
    for kind, tried in ((TASK, OF_TASKS), (CASE, OF_CASES)):
        await _tried(database, kind, tried)


async def _tried(db: Database, kind: Kind[Any], tried: dict[str, Tried]) -> None:
    here = await sandbox(db, kind.name)
    made = {}
    for name in tried:
        first, *others = await case(db, here, START + DAY if kind is CASE else None, [START + DAY] * (kind is TASK))
        made[name] = others[0] if others else first
    await at(db, here, 2)
    assert await listed(db, here, kind) == set(made.values())
    for name, (changes, days) in tried.items():
        await done(db, here, made[name], *changes)
        if not days or len(days) > 1:
            assert (await there(db, here, kind, made[name])).overdue_at is None, name
    await at(db, here, 4)
    events = await told(db, here)
    for name, (_, days) in tried.items():
        mine = [event for event in events if event.subject == made[name]]
        assert [event.time for event in mine] == [START + day * DAY for day in days or [1]], name
        last = START + days[-1] * DAY if days else None
        assert (await there(db, here, kind, made[name])).overdue_at == last, name
    assert await listed(db, here, kind) == {made[name] for name, (_, days) in tried.items() if days}


async def test_an_offer_is_retired_when_its_validity_ends(database: Database) -> None:
    here = await sandbox(database, "a")
    ends, longer, gone = [await offer(database, here, START + DAY) for _ in range(3)]
    await done(database, here, longer, offer_with(valid_until=START + 3 * DAY))
    await done(database, here, gone, lambda tx, who, one: offers.move(tx, who, one, "retired", None))
    async with database.write(here.workspace) as tx:
        draft = await offers.create(tx, here, OfferCreate(title="Draft", valid_until=START + DAY))
    await at(database, here, 2)
    assert [(event.subject, event.data["state"]) for event in await told(database, here)] == [(ends, "retired")]
    assert (await there(database, here, OFFER, longer)).state == "active"
    with pytest.raises(InvalidRequest) as refused:
        await done(database, here, draft.model.id, lambda tx, who, one: offers.move(tx, who, one, "active", None))
    assert [fault.pointer for fault in refused.value.errors] == ["/validUntil"]
    await done(database, here, draft.model.id, offer_with(valid_until=START + 3 * DAY))
    await done(database, here, draft.model.id, lambda tx, who, one: offers.move(tx, who, one, "active", None))
    await at(database, here, 4)
    assert {(event.subject, event.time) for event in (await told(database, here))[1:]} == {
        (draft.model.id, START + 3 * DAY),
        (longer, START + 3 * DAY),
    }


async def test_a_key_that_expires_is_told(database: Database) -> None:
    here = await sandbox(database, "a")
    ends, turned, gone = [await key(database, here, START + 2 * DAY) for _ in range(3)]
    await done(database, here, gone, keys.revoke)
    await done(database, here, turned, lambda tx, who, one: keys.rotate(tx, who, b"pepper", one, KeyRotation()))
    await at(database, here, 4)
    events = await told(database, here)
    new = (await there(database, here, API_KEY, turned)).replaced_by
    assert {event.subject: event.time for event in events} == {
        turned: START + DAY,
        ends: START + 2 * DAY,
        new: START + 2 * DAY,
    }
    assert {event.data["expiredAt"] == event.data["expiresAt"] for event in events} == {True}
    assert (await there(database, here, API_KEY, ends)).expired_at == START + 2 * DAY
