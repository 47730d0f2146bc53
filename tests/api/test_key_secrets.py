"""Where a key may be seen: in the one answer that makes it, and nowhere else (K1 to K4 of the attacks)."""

import json
import sys
from collections.abc import Iterator
from io import StringIO
from typing import Any

import httpx
import pytest
import structlog

from engage_api import logs
from engage_api.access.challenges import HOW
from engage_api.db import reader
from engage_api.settings import Settings
from tests.api.harness import Client, Service, refused, serving
from tests.api.kept import everything

PLAIN: dict[str, Any] = {"name": "Nightly", "scopes": ["cases:read"]}
GENUINE = "eng_live_key_000000000000000000000000000000"


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> Iterator[StringIO]:
    """What the service says on standard output and standard error, as it is set up when it is served."""
    stream = StringIO()
    for name in ("stdout", "stderr"):
        monkeypatch.setattr(sys, name, stream)
    logs.configure("debug")
    structlog.configure(cache_logger_on_first_use=False)
    yield stream
    structlog.reset_defaults()


async def everywhere(holder: Client, key: str) -> list[httpx.Response]:
    """The key used as it should be, and put where it should not."""
    return [
        await holder.get("/cases"),
        await holder.get("/offers"),
        await holder.get(f"/cases?key={key}"),
        await holder.get(f"/cases/{key}"),
        await holder.post("/cases", json={"type": key, "title": "A"}),
    ]


async def test_k3_a_key_is_nowhere_but_in_the_answer_that_made_it(
    settings: Settings, said: StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers: list[httpx.Response] = []
    async with serving(settings) as service:
        api, nobody = await service.caller(), await service.client()
        made = (await api.post("/api-keys", json=PLAIN, headers={"Idempotency-Key": "a"})).json()
        rotated = (await api.post(f"/api-keys/{made['id']}/rotations", json={})).json()
        secrets = [api.key, made["key"], rotated["key"]]
        answers += [
            *await everywhere(await service.client(made["key"]), made["key"]),
            await nobody.get("/cases", headers={"Authorization": f"Bearer {made['key']}x"}),
            await nobody.get("/cases", headers={"Authorization": f"Basic {made['key']}"}),
            await api.get("/api-keys"),
            await api.get(f"/api-keys/{made['id']}"),
            await api.get("/metrics", headers={"Host": "x"}),
            await api.get("http://engage.test/metrics"),
        ]
        answers.append(await nobody.post("/api-keys/leaked", json={"key": made["key"]}))
        log = json.dumps(await api.events(4))
        with monkeypatch.context() as patch:  # a fault of ours, with the key in the stack
            patch.setattr(reader, "page", None)
            answers.append(await api.get("/cases"))
        assert answers[-1].status_code == 500
    lines = service.log.getvalue() + said.getvalue()
    kept = await everything(settings.database)
    assert made["id"] in log
    assert made["id"].encode() in kept
    assert all(json.loads(line)["time"] for line in lines.splitlines())
    assert len(lines.splitlines()) > len(answers)
    assert "/v1/cases/***" in lines
    assert "'NoneType' object is not callable" in said.getvalue()
    for secret in secrets:
        middle = secret[13:-4]  # its beginning and its end are its hint
        assert middle not in log
        assert middle.encode() not in kept
        assert all(middle not in answer.text + str(answer.headers) for answer in answers)
        assert middle not in lines


@pytest.mark.parametrize(
    "given",
    [
        [],
        ["Bearer"],
        ["Bearer "],
        ["Basic {key}"],
        ["{key}"],
        ["Bearer{key}"],
        ["Token {key}"],
        ["Bearer {key} {key}"],
        ["Bearer {key},"],
        ["Bearer {key}", "Bearer {key}"],
        ["Bearer {cut}"],
        ["Bearer {key}0"],
        ["Bearer {other}"],
        ["Bearer " + GENUINE + "000000"],
        ["Bearer " + "x" * 100_000],
        ["Bearer é"],
    ],
)
async def test_k4_what_is_no_key_opens_nothing(service: Service, api: Client, nobody: Client, given: list[str]) -> None:
    other = api.key[:-1] + ("0" if api.key[-1] != "0" else "1")
    values = [text.format(key=api.key, cut=api.key[:-1], other=other).encode() for text in given]
    answer = await nobody.get("/cases", headers=[(b"Authorization", value) for value in values])
    assert refused(answer, 401, "unauthenticated")["detail"] == HOW  # whatever it was that was wrong
    challenge = answer.headers["WWW-Authenticate"]
    assert challenge.startswith('Bearer realm="engage"')
    assert 'resource_metadata="http://engage.test/.well-known/oauth-protected-resource"' in challenge
    told = len(given) == 1 and given[0].startswith("Bearer ") and given != ["Bearer "]
    assert ('error="invalid_token"' in challenge) == told


@pytest.mark.parametrize("form", ["Bearer {}", "bearer {}", "BEARER {}", "Bearer  {} "])
async def test_rfc_6750_the_scheme_is_written_as_one_likes(api: Client, nobody: Client, form: str) -> None:
    answer = await nobody.get("/cases", headers={"Authorization": form.format(api.key)})
    assert answer.status_code == 200


async def test_a_key_in_an_address_or_a_cookie_is_never_read(api: Client, nobody: Client) -> None:
    for params in ({"key": api.key}, {"api_key": api.key}, {"access_token": api.key}):
        refused(await nobody.get("/cases", params=params), 401, "unauthenticated")
    for headers in (
        {"X-Api-Key": api.key},
        {"Cookie": f"session={api.key}"},
        {"Proxy-Authorization": f"Bearer {api.key}"},
    ):
        refused(await nobody.get("/cases", headers=headers), 401, "unauthenticated")


async def test_the_operations_say_which_scope_they_want(service: Service) -> None:
    clerk = await service.caller("cases:read")
    answer = await clerk.post("/cases", json={})
    assert refused(answer, 403, "insufficient-scope")["requiredScope"] == "cases:write"
    assert answer.headers["Accepted-Scopes"] == "cases:write"
    assert 'error="insufficient_scope", scope="cases:write"' in answer.headers["WWW-Authenticate"]
    assert (await clerk.get("/cases")).headers["Accepted-Scopes"] == "cases:read"
