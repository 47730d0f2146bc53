"""Writers with idempotency keys, what they were told, and an auditor who knows nothing but that and the API."""

import asyncio
import itertools
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from tests.running import Answer, Headers

Ask = Callable[..., Awaitable[Answer | None]]
TROUBLE = 503
TASKS = 2


@dataclass
class Write:
    """One thing to be made, under one key. `answer` is the first that was read to its end."""

    path: str
    body: dict[str, Any]
    key: str
    answer: Answer | None = None
    unknown: int = 0

    async def send(self, ask: Ask) -> Answer | None:
        headers: Headers = [("Idempotency-Key", self.key)]
        return await ask("POST", self.path, self.body, headers=headers)


@dataclass
class Journal:
    """All writes, and everything that was not as it should be."""

    writes: list[Write] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    refused: int = 0

    @property
    def acknowledged(self) -> list[Write]:
        return [write for write in self.writes if write.answer is not None]


async def writer(journal: Journal, ask: Ask, name: str, stop: asyncio.Event) -> None:
    """Makes customers and cases one after the other, and asks for each until it knows what became of it."""
    for number in itertools.count():
        if stop.is_set():
            return
        write = _next(f"{name}-{number:05}", cases=number % 3 == 2)
        journal.writes.append(write)
        await settle(journal, write, ask, stop)
        if write.answer is not None and number % 5 == 0:
            await again(journal, write, ask)


async def settle(journal: Journal, write: Write, ask: Ask, stop: asyncio.Event | None = None) -> None:
    """Asks until there is an answer; 503 and a broken line say nothing about what was written."""
    while write.answer is None and not (stop and stop.is_set()):
        answer = await write.send(ask)
        if answer is None or answer.status == TROUBLE or answer.code == "still-running":
            write.unknown += answer is None
            journal.refused += answer is not None
            await asyncio.sleep(0.02)
        elif answer.status == 201:
            write.answer = answer
        else:
            journal.wrong.append(f"{write.key}: {answer.status} {answer.body[:200]!r}")
            return


async def again(journal: Journal, write: Write, ask: Ask) -> None:
    """The same key must give the same answer, and say that it is not the first."""
    answer = await write.send(ask)
    if answer is None or answer.status == TROUBLE or write.answer is None:
        return
    if (answer.status, answer.body) != (201, write.answer.body) or answer.header("idempotent-replayed") != "true":
        journal.wrong.append(f"{write.key}: another answer than the first: {answer.status} {answer.body[:200]!r}")


async def audit(journal: Journal, ask: Ask) -> list[str]:
    """What was lost, doubled or altered. Every write is settled first."""
    for write in journal.writes:
        await settle(journal, write, ask)
        await again(journal, write, ask)
    found = list(journal.wrong)
    for path in ("/v1/customers", "/v1/cases"):
        asked = {w.key: w for w in journal.acknowledged if w.path == path}
        there = [item for item in await everything(ask, path) if item["externalId"]]
        counted = Counter(item["externalId"] for item in there)
        found += [f"{key} is lost" for key in asked.keys() - counted.keys()]
        found += [f"{key} is there {times} times" for key, times in counted.items() if times > 1]
        found += [f"{key} was never asked for" for key in counted.keys() - asked.keys()]
        by_key = {item["externalId"]: item for item in there}
        found += [f"{key} is altered" for key, w in asked.items() if w.answer and by_key.get(key) != w.answer.json]
    tasks = Counter(task["caseId"] for task in await everything(ask, "/v1/tasks"))
    cases = [w for w in journal.acknowledged if w.path == "/v1/cases" and w.answer]
    found += [f"{w.key} has not its tasks" for w in cases if w.answer and tasks[w.answer.json["id"]] != TASKS]
    return found + await _log(journal, ask)


async def _log(journal: Journal, ask: Ask) -> list[str]:
    events = await everything(ask, "/v1/events", oldest_first=True)
    numbers = [int(event["sequence"]) for event in events]
    found = [] if numbers == list(range(1, len(numbers) + 1)) else ["the log has gaps or is out of order"]
    made = Counter(event["subject"] for event in events if event["type"].endswith(".created.v1"))
    ids = [w.answer.json["id"] for w in journal.acknowledged if w.answer]
    return found + [f"{subject} was made {made[subject]} times" for subject in ids if made[subject] != 1]


async def everything(ask: Ask, path: str, *, oldest_first: bool = False) -> list[dict[str, Any]]:
    """A whole list."""
    found: list[dict[str, Any]] = []
    query = "limit=200" if oldest_first else "limit=200&sort=createdAt"
    cursor: str | None = ""
    while cursor is not None:
        answer = await ask("GET", f"{path}?{query}" + (f"&cursor={cursor}" if cursor else ""))
        assert answer is not None
        assert answer.status == 200, answer.body
        found += answer.json["items"]
        cursor = answer.json["nextCursor"]
    return found


def _next(key: str, *, cases: bool) -> Write:
    if cases:
        body = {"externalId": key, "type": "x", "title": key, "tasks": [{"title": f"{at}"} for at in range(TASKS)]}
        return Write("/v1/cases", body, key)
    return Write("/v1/customers", {"externalId": key, "kind": "person", "displayName": key, "segments": ["load"]}, key)
