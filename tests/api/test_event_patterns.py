"""Patterns of event types name the same events wherever they are asked: by the function, and by the database."""

import json

import pytest
from pydantic import TypeAdapter, ValidationError

from engage_api.access import operator
from engage_api.core import clock
from engage_api.core.event_types import Pattern, Type, matches
from engage_api.db import log
from tests.api.harness import Client, Service, eventually, places, refused

NAMED = {  # by a pattern, of TYPES
    "*": {*range(10)},
    "engage.*": {0, 1, 2, 3, 4},
    "engage.case.*": {0, 1, 4},
    "engage.case.created.*": {0, 4},
    "engage.case": {3},
    "engage.case.created.v1": {0},
    "engage.cas.*": set(),
    "engage.case.created": set(),
    "x.*": {6, 7, 8, 9},
    "x.org_1.*": {6, 7},
    "x.org_1.a-b.*": {7},
}
TYPES = [
    "engage.case.created.v1",
    "engage.case.updated.v1",
    "engage.case-type.created.v1",
    "engage.case",
    "engage.case.created.v1.more",
    "engagement.case.created.v1",
    "x.org_1.a",
    "x.org_1.a-b.c_d",
    "x.org_10.a",
    "x.org_1-.a",
]
SLIPS = {"engage.case", "engage.cas.*", "engage.case.created"}
"""They name no type of the list, so over HTTP they are refused."""
WRONG = [
    "",
    "*.case",
    "engage.*.created",
    "engage.case*",
    "engage..case",
    ".",
    ".*",
    "engage.case.",
    "Engage.case",
    "**",
]


def test_a_pattern_names_types_by_their_whole_words() -> None:
    for pattern, named in NAMED.items():
        assert {at for at, type_ in enumerate(TYPES) if matches(pattern, type_)} == named, pattern


def test_what_is_no_pattern_is_refused() -> None:
    for wrong in [*WRONG, "a" * 103, "engage.case.created.v1\n"]:
        with pytest.raises(ValidationError):
            TypeAdapter(Pattern).validate_python(wrong)
    for wrong in [*WRONG, "*", "engage.*", "a" * 101]:
        with pytest.raises(ValidationError):
            TypeAdapter(Type).validate_python(wrong)


async def test_the_log_finds_what_the_function_names(service: Service, api: Client) -> None:
    who = await operator.principal(service.db, service.world.operator.workspace)
    async with service.db.write(who.workspace) as tx:
        for type_ in TYPES:
            await log.append(tx, who, log.Entry(type_, "about", "app_operator", b"{}", clock.host()))

    async def numbered() -> bool | None:
        return await log.last(service.db, who.workspace) >= len(TYPES) or None

    await eventually(numbered)
    for pattern, named in NAMED.items():
        found = await log.page(service.db, who, after=0, limit=100, filters={"type": pattern, "subject": "about"})
        assert [line.type for line in found] == [TYPES[at] for at in sorted(named)], pattern
        if pattern in SLIPS:
            answer = await api.get("/events", params={"type": pattern})
            assert refused(answer, 400, "invalid-request")["errors"][0]["code"] == "unknown-type"
        else:
            over_http = (await api.read("/events", type=pattern, subject="about"))["items"]
            assert [event["type"] for event in over_http] == [line.type for line in found]
        for line in found:
            assert await log.one(service.db, who, line.id) == line
    whole = await log.page(service.db, who, after=0, limit=200, filters={})
    for pattern in NAMED:
        named_there = [line for line in whole if matches(pattern, line.type)]
        for after, limit in ((0, 200), (0, 2), (named_there[0].sequence if named_there else 0, 2)):
            wanted = [line for line in named_there if line.sequence > after][:limit]
            found = await log.page(service.db, who, after=after, limit=limit, filters={"type": pattern})
            assert found == wanted, pattern
    whole = await log.page(service.db, who, after=1, limit=100, filters={})
    heads = await log.heads(service.db, who, after=1, limit=100)
    assert [head[:4] for head in heads] == [(one.id, one.sequence, one.type, one.subject) for one in whole]
    assert clock.wire(heads[0].recorded_time) == json.loads(whole[0].document)["recordedtime"]
    for wrong in WRONG:
        assert places(refused(await api.get("/events", params={"type": wrong}), 400, "invalid-request")) == {"type"}
