"""Every refusal in the table is as the table says, has the form of RFC 6749, and tells nothing."""

import re
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import func, select

from engage_api.access.oauth.tokens import OauthTokenRow
from engage_api.db import Query
from tests.counts import Count
from tests.oauth.parties import FORM, Party
from tests.oauth.refusals import Case, cases
from tests.running import Answer, Service

COUNT = Query(select(func.count().label("n")).select_from(OauthTokenRow.__table__))  # type: ignore[attr-defined]
TOLD = re.compile(r"[\x20\x21\x23-\x5b\x5d-\x7e]+")


async def issued(service: Service) -> int:
    return int((await service.db.system.one(COUNT, None)).n)


async def ask(service: Service, case: Case, ours: Party) -> Answer:
    headers = [FORM, ours.test.basic] if case.headers is None else case.headers
    path = f"{case.path}?{case.query}" if case.query else case.path
    body = case.body if isinstance(case.body, bytes) else case.body.encode()
    return await service.ask(case.method, path, body, headers=headers)


def faults(case: Case, answer: Answer, ours: Party) -> Iterator[str]:
    """In what an answer is not as it should be; nothing is agreement."""
    if (answer.status, answer.header("content-type")) != (case.status, "application/json"):
        yield f"{answer.status} {answer.header('content-type')} {answer.body!r}"
        return
    if answer.json.keys() != {"error", "error_description"} or answer.json["error"] != case.error:
        yield f"{answer.json}"
    if not TOLD.fullmatch(answer.json["error_description"]):
        yield f"says {answer.json['error_description']!r}"
    if answer.header("cache-control") != "no-store":
        yield f"may be kept: {answer.header('cache-control')}"
    if (answer.status == 401) != bool(re.match("Basic ", answer.header("www-authenticate") or "")):
        yield f"challenges with {answer.header('www-authenticate')}"
    if answer.status == 405 and answer.header("allow") != "OPTIONS, POST":
        yield f"allows {answer.header('allow')}"
    if any(
        text in answer.body.decode() for text in (ours.test.secret, ours.live.secret, ours.operator, ours.application)
    ):
        yield "repeats what was sent"


async def test_everything_in_the_table_is_refused(service: Service, ours: Party, theirs: Party, count: Count) -> None:
    before, wrong, table = await issued(service), [], list(cases(ours, theirs))
    for case in table:
        if case.method == "HEAD":
            assert (await ask(service, case, ours)).status == 405
            continue
        wrong += [f"{case.name}: {fault}" for fault in faults(case, await ask(service, case, ours), ours)]
    assert not wrong, "\n".join(wrong)
    assert await issued(service) == before
    assert len({case.name for case in table}) == len(table) >= 60
    count("OAuth refusals", cases=len(table))


@pytest.mark.parametrize("kind", [[FORM], []])
async def test_an_empty_body_is_told_to_be_empty(service: Service, ours: Party, kind: list[tuple[str, str]]) -> None:
    answer = await service.ask("POST", "/oauth/token", b"", headers=[*kind, ours.test.basic])
    assert (answer.status, answer.json["error"]) == (400, "invalid_request")
    assert "empty" in answer.json["error_description"]


async def test_another_grant_is_told_where_all_are_named(service: Service, ours: Party) -> None:
    answer = await service.ask("POST", "/oauth/token", b"grant_type=password", headers=[FORM, ours.test.basic])
    assert answer.json["error_description"] == "There is no such grant: the metadata of the server names all."


async def test_who_is_unknown_is_told_the_same_as_whose_secret_is_wrong(
    service: Service, ours: Party, theirs: Party
) -> None:
    table = {case.name: case for case in cases(ours, theirs)}
    names = ("a client that was never made", "a secret that was never made", "a secret of the other environment")
    answers = [await ask(service, table[name], ours) for name in names]
    assert len({(answer.status, answer.body) for answer in answers}) == 1
    assert len({tuple(name for name, _ in answer.headers) for answer in answers}) == 1


@pytest.mark.parametrize("planted", [{"status": 200}, {"error": "invalid_grant"}])
async def test_a_planted_case_is_found(service: Service, ours: Party, planted: dict[str, object]) -> None:
    case = Case("planted", **{"status": 401, "error": "invalid_client", "headers": [FORM], **planted})  # type: ignore[arg-type]
    assert list(faults(case, await ask(service, case, ours), ours))


async def test_who_is_unknown_costs_as_many_look_ups(
    service: Service, ours: Party, theirs: Party, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[str] = []
    kind: Any = type(service.db.system)

    def counted(name: str) -> Callable[..., Awaitable[Any]]:
        real = getattr(kind, name)

        async def look(self: object, *given: Any, **values: Any) -> Any:
            looked.append(name)
            return await real(self, *given, **values)

        return look

    for name in ("one", "fetch"):
        monkeypatch.setattr(kind, name, counted(name))
    table = {case.name: case for case in cases(ours, theirs)}
    told = {}
    for name in (
        "a client that was never made",
        "a secret that was never made",
        "no client",
        "nobody",
        "U+0000 in the client",
    ):
        looked.clear()
        assert (await ask(service, table[name], ours)).status == 401
        told[name] = tuple(looked)
    assert set(told.values()) == {("one", "fetch", "one")}, told
