"""Hostile bodies at every write operation of both databases: refused or taken, never a fault of ours.

`make test` sends each operation LEAST bodies or more, spread over its whole corpus; `make soak` sends them all.
"""

import os
from dataclasses import replace
from time import perf_counter
from typing import Any
from zlib import crc32

import pytest

from engage_api.http import strict
from tests.attack.catalogue import Operation, operations, writes
from tests.attack.corpus import Attack, attacks, plain
from tests.attack.garbage import MARK
from tests.attack.world import Both
from tests.attack.written import later, state
from tests.counts import Count
from tests.running import Answer

SOAK = "ENGAGE_TEST_MINUTES" in os.environ
LEAST = 150  # bodies for each operation
LARGEST = 200_000  # bytes of a refusal
SLOWEST = 1.0  # seconds for one answer, on a machine that does much else
_own = {
    "id",
    "time",
    "recordedtime",
    "createdAt",
    "updatedAt",
    "runAt",
    "nextAttemptAt",
    "finishedAt",
    "log",
    "eventId",
    "receivedAt",
    "completedAt",
    "startedAt",
    "deliveredAt",
    "validFrom",
}
_secret = {"hint", "key", "secret", "token", "expiresAt"}
_others = {
    "accountId",
    "applicationId",
    "caseId",
    "customerId",
    "endpointId",
    "organizationId",
    "testClientId",
    "liveClientId",
    "sandboxId",
}
BUSY = 409  # for the sandbox is not ready, or there are too many: one may be sooner than the other


def shown(answer: Answer) -> Any:
    """What an answer says, without what differs from one world to the other."""
    if answer.status >= 300:
        return [answer.status, answer.code, answer.json.get("errors"), answer.json["detail"]]
    whole = answer.json if answer.body else {}
    if str(whole.get("id")).startswith("sbx_"):
        whole = {"name": whole["name"], "metadata": whole["metadata"], "size": whole["size"]}  # all else may come later
    return [answer.status, {name: value for name, value in whole.items() if name not in _own | _secret | _others}]


def faults(attack: Attack, first: Answer, second: Answer, *, alike: bool = True) -> list[str]:
    """What is wrong with how both worlds answered. `alike`: they ought to have answered the same."""
    found = []
    for answer in (first, second):
        if answer.status >= 500:
            found.append(f"{answer.status}: {answer.body[:200]!r}")
        if answer.status >= 300 and MARK in answer.body.decode() + str(answer.headers):
            found.append(f"{answer.status} shows what was sent: {answer.body[:300]!r}")
        if answer.status >= 300 and len(answer.body) > LARGEST:
            found.append(f"{answer.status} of {len(answer.body)} bytes")
        if attack.never and answer.status < 400:
            found.append(f"{answer.status}: taken")
    if alike and not found and shown(first) != shown(second):
        found.append(f"SQLite {shown(first)!r:.300} but PostgreSQL {shown(second)!r:.300}")
    return [f"{attack.name}: {fault}" for fault in found]


def chosen(operation: Operation) -> list[Attack]:
    """All of them; in a bounded run every n-th, beginning elsewhere for each operation."""
    every = list(attacks(operation))
    step = 1 if SOAK else max(1, len(every) // LEAST)
    return every[crc32(operation.name.encode()) % step :: step]


class Trial:
    """Sends hostile bodies to both worlds. `wrong`: what went wrong."""

    def __init__(self, twins: Both, operation: Operation) -> None:
        self.wrong: list[str] = []
        self.tried = self.taken = 0
        self.slowest = 0.0
        self._twins, self._operation = twins, operation

    async def each(self, attacks: list[Attack]) -> None:
        """Look after each whether a refusal has written anything."""
        before = await self._state()
        for attack in attacks:
            refused = await self._try(attack)
            after = await self._state()
            if refused and before != after:
                self.wrong.append(f"{attack.name}: refused, but written: {before} {after}")
            before = after

    async def together(self, attacks: list[Attack]) -> None:
        """Of those that nothing may take, look after all; which it was is asked only when there was one."""
        before = await self._state()
        for attack in attacks:
            await self._try(attack)
        after = await self._state()
        if before != after:
            self.wrong.append(f"one of {len(attacks)} that nothing may take has written: {before} {after}")
            await self.each(attacks)

    async def _try(self, attack: Attack) -> bool:
        """Whether either refused it."""
        began = perf_counter()
        answers = await self._twins.send(
            self._operation, attack.body, [("Content-Type", attack.type.encode("latin-1"))]
        )
        self.slowest = max(self.slowest, (perf_counter() - began) / 2)
        self.tried += 1
        self.taken += answers[0].status < 300
        alike = not later(self._operation) or all(answer.status != BUSY for answer in answers)
        self.wrong += faults(attack, *answers, alike=alike)
        return any(answer.status >= 300 for answer in answers)

    async def _state(self) -> list[list[tuple[int, int]]]:
        return [await state(world, self._operation) for world in self._twins]


async def try_all(twins: Both, operation: Operation, count: Count) -> list[str]:
    """What went wrong."""
    trial, every = Trial(twins, operation), chosen(operation)
    await trial.together([attack for attack in every if attack.never])
    await trial.each([attack for attack in every if not attack.never])
    count(
        "hostile bodies",
        operations=1,
        requests=2 * trial.tried,
        taken=2 * trial.taken,
        faults=len(trial.wrong),
        least_bodies=trial.tried,
        most_seconds=trial.slowest,
    )
    if trial.slowest > SLOWEST * (3 if later(operation) else 1):  # to fill a sandbox is more work
        trial.wrong.append(f"an answer took {trial.slowest:.1f} s")
    if trial.tried < LEAST:
        trial.wrong.append(f"only {trial.tried} bodies were tried")
    return trial.wrong


@pytest.mark.soak
@pytest.mark.parametrize("operation", writes(), ids=repr)
async def test_no_body_is_a_fault_of_ours(twins: Both, operation: Operation, count: Count) -> None:
    wrong = await try_all(twins, operation, count)
    assert not wrong, "\n".join(wrong)


async def test_what_a_refusal_writes_is_found(twins: Both, monkeypatch: pytest.MonkeyPatch) -> None:
    create = next(operation for operation in operations() if operation.name == "create_customer")
    send = twins.sqlite.send

    async def careless(operation: Operation, body: Any = None, headers: Any = ()) -> Answer:
        if body == b"7":
            await send(operation, plain(create))
        return await send(operation, body, headers)

    monkeypatch.setattr(twins.sqlite, "send", careless)
    trial = Trial(twins, create)
    await trial.together([Attack("fine", b"[", never=True), Attack("planted", b"7", never=True)])
    assert [one.partition(": ")[0] for one in trial.wrong][1:] == ["planted"], trial.wrong


def test_there_are_enough_operations() -> None:
    assert len(writes()) >= 21


async def test_a_parser_that_checks_nothing_is_found(twins: Both, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(strict, "check", lambda raw: None)
    create = next(operation for operation in operations() if operation.name == "create_customer")
    planted = [attack for attack in attacks(create) if "twice" in attack.name or "surrogate" in attack.name]
    wrong = [one for attack in planted for one in faults(attack, *await twins.send(create, attack.body))]
    assert any("good but for a name twice: 201: taken" in one for one in wrong), wrong


def test_planted_faults_are_told() -> None:
    refused = Answer(400, [("content-type", "application/problem+json")], b'{"code":"x","detail":""}')
    shows = replace(refused, body=b'{"code":"x","detail":"%b"}' % MARK.encode())
    for first, second, told in [
        (refused, replace(refused, status=500), "500"),
        (refused, replace(refused, status=409), "but PostgreSQL"),
        (shows, shows, "shows what was sent"),
        (refused, replace(refused, body=b"x" * (LARGEST + 1)), "bytes"),
        (Answer(201, [], b"{}"), Answer(201, [], b"{}"), "taken"),
    ]:
        assert told in " ".join(faults(Attack("planted", b"", never=True), first, second))
    assert faults(Attack("fine", b"", never=True), refused, refused) == []
