"""Hostile parameters, headers, paths and methods: an answer that says what is wrong, on both databases the same."""

import re

import pytest

from engage_api.http.walk import WELCOME
from tests.attack import hostile
from tests.attack.catalogue import Operation, operations
from tests.attack.garbage import MARK
from tests.attack.world import Both
from tests.counts import Count
from tests.running import Answer, Headers

LEAST = {"paths": 1_000, "headers": 2_000, "credentials": 600, "methods": 190}
UNSAFE = re.compile(r"[\x00-\x1f\x7f]")
ALL = operations()
CHOSEN = [
    one for one in ALL if one.name in {"list_customers", "get_case", "create_task", "update_offer", "put_customer"}
]


def faults(what: str, *answers: Answer) -> list[str]:
    """What is wrong with the answers of both worlds to the same request."""
    found = []
    for answer in answers:
        if answer.status >= 500:
            found.append(f"{answer.status}: {answer.body[:200]!r}")
        if answer.status >= 400 and answer.header("content-type") != "application/problem+json":
            found.append(f"{answer.status} is no problem: {answer.body[:100]!r}")
        if any(UNSAFE.search(value) or MARK in value or "evil" in value for _, value in answer.headers):
            found.append(f"{answer.status} with unsafe headers: {answer.headers}")
        if not answer.header("x-request-id"):
            found.append(f"{answer.status} without an id")
    if len({answer.status for answer in answers}) > 1:
        found.append(f"SQLite {answers[0].status} but PostgreSQL {answers[1].status}")
    return [f"{what[:100]}: {fault}" for fault in found]


async def both(twins: Both, method: str, path: str, headers: Headers = (), body: bytes | None = None) -> list[Answer]:
    return [await world.service.ask(method, path, body, key=world.key, headers=headers) for world in twins]


async def test_no_path_is_a_fault_of_ours(twins: Both, count: Count) -> None:
    wrong, tried = [], 0
    for operation in (one for one in ALL if one.parameters):
        for segment in hostile.SEGMENTS:
            path = operation.at(dict.fromkeys(operation.parameters, segment))
            answers = await both(
                twins, operation.method, path, [("If-Match", "*")], b"{}" if operation.schema else None
            )
            tried += 1
            wrong += faults(f"{operation.method} {path}", *answers)
            if not operation.path.startswith("/api-keys") and answers[0].status < 400:
                wrong.append(f"{path[:100]} leads somewhere: {answers[0].status}")
    for path in hostile.PATHS:
        answers = await both(twins, "GET", path)
        tried += 1
        wrong += [one for one in faults(path, *answers) if path.startswith("/v1/") or "is no problem" not in one]
    count("hostile paths", requests=2 * tried, faults=len(wrong))
    assert not wrong, "\n".join(wrong)
    assert tried >= LEAST["paths"]


@pytest.mark.parametrize("operation", [one for one in ALL if one.queries], ids=repr)
async def test_no_query_is_a_fault_of_ours(twins: Both, operation: Operation, count: Count) -> None:
    wrong, tried = [], 0
    asked = [*hostile.QUERIES, *(f"{name}={value}" for name in operation.queries for value in hostile.VALUES)]
    for query in asked:
        answers = [
            await world.service.ask("GET", f"{operation.at(world.ids)}?{query}", key=world.key) for world in twins
        ]
        tried += 1
        wrong += faults(query, *answers)
        wrong += [f"{query[:100]} is shown" for a in answers if MARK in query.partition("=")[2] and MARK in str(a.body)]
    count("hostile queries", requests=2 * tried, faults=len(wrong))
    assert not wrong, "\n".join(wrong)


async def test_no_header_is_a_fault_of_ours(twins: Both, count: Count) -> None:
    wrong, tried = [], 0
    for operation in CHOSEN:
        for name, value in hostile.headers():
            match: Headers = [("If-Match", "*")] if operation.method == "PATCH" and name != "if-match" else []
            answers = []
            for world in twins:
                path = operation.at(world.ids | {"external_id": "our:put"})
                body = b"{}" if operation.schema else None
                key = None if name == "authorization" else world.key
                answers.append(
                    await world.service.ask(operation.method, path, body, key=key, headers=[*match, (name, value)])
                )
            tried += 1
            wrong += faults(f"{operation.name} {name}: {value[:50]!r}", *answers)
    count("hostile headers", requests=2 * tried, faults=len(wrong))
    assert not wrong, "\n".join(wrong)
    assert tried >= LEAST["headers"]


async def test_no_odd_credential_opens_anything(twins: Both, count: Count) -> None:
    wrong, tried = [], 0
    for operation in (one for one in ALL if one.scopes and one.name not in WELCOME):
        for at, given in enumerate(hostile.tokens(twins.sqlite.key)):
            answers = [
                await world.service.ask(
                    operation.method,
                    operation.at(world.ids | {"external_id": "x"}),
                    headers=hostile.tokens(world.key)[at],
                )
                for world in twins
            ]
            tried += 1
            wrong += faults(f"{operation.name} {given!r}", *answers)
            wrong += [f"{operation.name} {given!r}: {a.status}" for a in answers if a.status != 401]
            wrong += ["a secret is shown" for a in answers if "eng_" in a.body.decode() + str(a.headers)]
    count("odd credentials", requests=2 * tried, faults=len(wrong))
    assert not wrong, "\n".join(wrong)
    assert tried >= LEAST["credentials"]


async def test_no_method_is_a_fault_of_ours(twins: Both, count: Count) -> None:
    wrong, tried = [], 0
    for path in {operation.path for operation in ALL}:
        served = {one.method for one in ALL if re.fullmatch(re.sub(r"{\w+}", "[^/]+", one.path), path)} | {"OPTIONS"}
        served |= {"HEAD"} if "GET" in served else set()
        for method in set(hostile.METHODS) - served:
            answers = [
                await world.service.ask(method, "/v1" + path.format_map(Ids(world.ids)), key=world.key)
                for world in twins
            ]
            tried += 1
            wrong += faults(f"{method} {path}", *answers)
            allowed = set((answers[0].header("allow") or "").split(", "))
            if answers[0].status != 405 or allowed != served:
                wrong.append(f"{method} {path}: {answers[0].status}, allowed {allowed}, not {served}")
    count("odd methods", requests=2 * tried, faults=len(wrong))
    assert not wrong, "\n".join(wrong)
    assert tried >= LEAST["methods"]


class Ids(dict[str, str]):
    """Ids by their names; anything for an id that a world does not have."""

    def __missing__(self, name: str) -> str:
        return "x"


def test_planted_faults_are_told() -> None:
    kind = ("content-type", "application/problem+json")
    fine = Answer(400, [kind, ("x-request-id", "1")], b"{}")
    for planted in (
        Answer(500, fine.headers, b"{}"),
        Answer(400, [("content-type", "text/plain"), ("x-request-id", "1")], b"no"),
        Answer(400, [*fine.headers, ("location", "a\nb")], b"{}"),
        Answer(400, [*fine.headers, ("link", "<http://evil.example>")], b"{}"),
        Answer(400, [kind], b"{}"),
        Answer(404, fine.headers, b"{}"),
    ):
        assert faults("planted", fine, planted)
    assert faults("fine", fine, fine) == []
