"""Idempotency-Key: a repeated request has one effect and one answer (draft-ietf-httpapi-idempotency-key-header-07)."""

import asyncio
from collections import Counter
from datetime import timedelta
from typing import Any

import httpx
import pytest

from engage_api.core import clock
from engage_api.http.idempotency import Idempotency
from engage_api.jobs import registry
from engage_api.settings import Settings
from tests.api.harness import Client, Service, answered, places, refused, serving
from tests.api.kept import everything
from tests.api.samples import SAMPLES, Body, never

SWEEP: Any = None  # its handler does not look at the job
KEY = {"Idempotency-Key": "8e03978e-40d5-43dd-bc93-6894a57f9324"}
NEW_KEY = {"name": "Nightly", "scopes": ["cases:read"]}


async def posts(api: Client) -> dict[str, tuple[str, Body]]:
    """Every POST that takes a key: where, and what."""
    made = {name: (sample, await sample.make(api)) for name, sample in SAMPLES.items()}
    found = {f"make a {name}": (await sample.home(api), sample.full) for name, (sample, _) in made.items()}
    for name, (sample, one) in made.items():
        found[f"move a {name}"] = (f"{sample.at(one)}/transitions", {"to": "accepted" if name == "case" else "active"})
    key = await api.made("/api-keys", NEW_KEY)
    return found | {
        "make a key": ("/api-keys", NEW_KEY),
        "rotate a key": (f"/api-keys/{key['id']}/rotations", {"overlap": "PT1H"}),
    }


def same(first: httpx.Response, again: httpx.Response) -> None:
    """The second answer is the first one, and says that it is."""
    assert again.headers["Idempotent-Replayed"] == "true"
    assert "Idempotent-Replayed" not in first.headers
    assert (again.status_code, again.content) == (first.status_code, first.content)
    for name in ("Location", "ETag", "Content-Type", "Cache-Control"):
        assert again.headers.get(name) == first.headers.get(name), name
    assert again.headers["X-Request-Id"] != first.headers["X-Request-Id"]


async def test_every_post_is_done_once_and_answered_alike(api: Client) -> None:
    for at, (what, (path, body)) in enumerate((await posts(api)).items()):
        headers = {"Idempotency-Key": f"k{at}"}
        first = await api.post(path, json=body, headers=headers)
        assert first.is_success, what
        same(first, await api.post(path, json=body, headers=headers))
    cases = await api.read("/cases", count="true")
    assert cases["count"] == 4  # one to make and one to move, and a case each for two tasks


async def test_a_replay_answers_what_was_true_then(api: Client) -> None:
    first = await api.post("/offers", json={"title": "A"}, headers=KEY)
    at = f"/offers/{first.json()['id']}"
    await api.moved(at, "active")
    same(first, await api.post("/offers", json={"title": "A"}, headers=KEY))
    events = await api.events(2, subject=first.json()["id"])
    assert len(events) == 2


async def test_another_request_with_the_same_key_is_422(api: Client) -> None:
    await api.post("/offers", json={"title": "A"}, headers=KEY)
    for path, body in (("/offers", {"title": "B"}), ("/offers?x=1", {"title": "A"}), ("/cases", {"title": "A"})):
        answer = await api.post(path, json=body if path != "/cases" else body | {"type": "any"}, headers=KEY)
        refused(answer, 422, "idempotency-key-reused")
    assert len(await api.ids("/offers")) == 1
    assert await api.ids("/cases") == []


async def test_r2_of_fifty_at_once_one_has_an_effect(api: Client) -> None:
    answers = await asyncio.gather(*(api.post("/offers", json={"title": "A"}, headers=KEY) for _ in range(50)))
    assert {answer.status_code for answer in answers} <= {201, 409}
    done = [answer for answer in answers if answer.status_code == 201]
    assert len({answer.content for answer in done}) == 1
    assert sum("Idempotent-Replayed" not in answer.headers for answer in done) == 1
    for answer in answers:
        if answer.status_code == 409:
            refused(answer, 409, "still-running")
            assert int(answer.headers["Retry-After"]) >= 1
    assert len(await api.ids("/offers")) == 1


async def test_r2_of_many_at_once_in_two_processes_one_has_an_effect(
    service: Service, api: Client, settings: Settings
) -> None:
    async with serving(settings, service.world) as second:
        callers = [api, await second.client(api.key)]
        for turn in range(5):
            headers = {"Idempotency-Key": f"turn-{turn}"}
            answers = await asyncio.gather(
                *(callers[n % 2].post("/offers", json={"title": str(turn)}, headers=headers) for n in range(10))
            )
            assert {answer.status_code for answer in answers} <= {201, 409}
            assert len({answer.content for answer in answers if answer.status_code == 201}) == 1
    assert len(await api.ids("/offers")) == 5


async def test_while_the_first_is_at_work_the_second_is_409(
    api: Client, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    began, go = asyncio.Event(), asyncio.Event()
    work = Idempotency._first

    async def slow(self: Idempotency, *given: Any) -> Any:
        began.set()
        await go.wait()
        return await work(self, *given)

    monkeypatch.setattr(Idempotency, "_first", slow)
    first = asyncio.create_task(api.post("/offers", json={"title": "A"}, headers=KEY))
    await began.wait()
    refused(await api.post("/offers", json={"title": "A"}, headers=KEY), 409, "still-running")
    go.set()
    same(await first, await api.post("/offers", json={"title": "A"}, headers=KEY))


async def test_a_key_is_its_own_callers(service: Service, api: Client, other: Client, partner: Client) -> None:
    made = [
        answered(await caller.post("/offers", json={"title": "A"}, headers=KEY), 201)
        for caller in (api, other, partner)
    ]
    assert len({one["id"] for one in made}) == 3
    second = await service.caller()  # another key of the operator's application: the same caller
    assert (await second.post("/offers", json={"title": "A"}, headers=KEY)).json() == made[0]


@pytest.mark.parametrize("path", ["/api-keys", "/api-keys/{id}/rotations"])
async def test_an_answer_with_a_secret_is_told_again_to_its_own_credential_alone(
    service: Service, api: Client, path: str
) -> None:
    body = {"name": "Nightly", "scopes": ["customers:write", "keys:write"]}
    path = path.format(id=(await api.made("/api-keys", body))["id"])
    body = {} if "rotations" in path else body
    first = await api.post(path, json=body, headers=KEY)
    same(first, await api.post(path, json=body, headers=KEY))
    for scopes in ("keys:write", "*"):
        another = await service.caller(scopes)
        told = await another.post(path, json=body, headers=KEY)
        refused(told, 422, "idempotency-key-reused")
        assert answered(first, 201)["key"] not in told.text


async def test_two_keys_are_none(api: Client) -> None:
    answer = await api.post(
        "/offers", json={"title": "A"}, headers=[("Idempotency-Key", "a"), ("Idempotency-Key", "b")]
    )
    assert places(refused(answer, 400, "invalid-request")) == {"Idempotency-Key"}


async def test_a_refused_request_leaves_its_key_free(api: Client) -> None:
    customer = {"kind": "person", "displayName": "A", "externalId": "taken"}
    await api.made("/customers", customer)
    headers = KEY | {"Content-Type": "application/json"}
    for path, content, status in (
        ("/customers", b'{"kind":"person"}', 400),
        ("/customers", b"{", 400),
        ("/customers", b'{"kind":"person","displayName":"A","externalId":"taken"}', 409),
        ("/cases", b'{"type":"a","title":"A","customerId":"cus_no"}', 400),
        (f"/cases/{never('case')}/tasks", b'{"title":"A"}', 404),
    ):
        assert (await api.post(path, content=content, headers=headers)).status_code == status
    answered(await api.post("/customers", json=customer | {"externalId": "free"}, headers=KEY), 201)


@pytest.mark.parametrize(
    ("key", "fits"),
    [
        ("a", True),
        ("x" * 255, True),
        ('"8e03978e-40d5"', True),
        ("with spaces & signs ~!", True),
        ("", False),
        ("x" * 256, False),
        ("é", False),
        ("tab\there", False),
        ("\x7f", False),
    ],
)
async def test_a_key_is_short_and_printable(api: Client, key: str, fits: bool) -> None:
    answer = await api.post("/offers", json={"title": "A"}, headers=[(b"Idempotency-Key", key.encode())])
    if fits:
        answered(answer, 201)
    else:
        assert places(refused(answer, 400, "invalid-request")) == {"Idempotency-Key"}
        assert await api.ids("/offers") == []


async def test_the_first_answer_outlives_the_process(service: Service, api: Client, settings: Settings) -> None:
    paths = await posts(api)
    chosen = [paths["make a customer"], paths["make a key"], paths["move a case"]]
    firsts = [await api.post(path, json=body, headers={"Idempotency-Key": path}) for path, body in chosen]
    async with serving(settings, service.world) as again:
        caller = await again.client(api.key)
        for first, (path, body) in zip(firsts, chosen, strict=True):
            same(first, await caller.post(path, json=body, headers={"Idempotency-Key": path}))


async def test_only_posts_take_a_key(api: Client) -> None:
    body = {"kind": "person", "displayName": "A"}
    first = await api.put("/customers/external/a", json=body, headers=KEY)
    again = await api.put("/customers/external/a", json=body, headers=KEY)
    assert Counter([first.status_code, again.status_code]) == {201: 1, 200: 1}


async def test_an_answer_with_a_secret_is_kept_encrypted(api: Client, settings: Settings) -> None:
    first = await api.post("/api-keys", json=NEW_KEY, headers=KEY)
    secret = first.json()["key"]
    kept = await everything(settings.database)
    assert first.json()["id"].encode() in kept
    assert secret.encode() not in kept
    assert secret[13:-4].encode() not in kept  # beyond what its hint shows
    same(first, await api.post("/api-keys", json=NEW_KEY, headers=KEY))


async def test_after_a_day_a_key_is_new_again(api: Client, service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    async def forget(later: timedelta) -> None:
        now = clock.host()
        with monkeypatch.context() as patch:
            patch.setattr(clock, "host", lambda: now + later)
            await registry.kinds["idempotency.sweep"].handler(service.db, SWEEP)

    assert registry.schedules["idempotency.sweep"] <= timedelta(days=1)
    first = await api.post("/offers", json={"title": "A"}, headers=KEY)
    await forget(timedelta(hours=23, minutes=59))
    same(first, await api.post("/offers", json={"title": "A"}, headers=KEY))
    await forget(timedelta(hours=24, minutes=1))
    assert answered(await api.post("/offers", json={"title": "A"}, headers=KEY), 201)["id"] != first.json()["id"]
