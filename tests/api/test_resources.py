"""Making, reading, changing, replacing and deleting: the same for every resource."""

import asyncio
from collections import Counter
from datetime import datetime

import pytest

from tests.api.harness import Client, answered, places, refused
from tests.api.samples import DELETED, SAMPLES, UNKNOWN, UPSERTED, Sample, never

COMMON = {"id", "createdAt", "updatedAt", "version"}


@pytest.fixture(params=SAMPLES)
def sample(request: pytest.FixtureRequest) -> Sample:
    return SAMPLES[request.param]


@pytest.fixture(params=UPSERTED)
def upserted(request: pytest.FixtureRequest) -> Sample:
    return SAMPLES[request.param]


@pytest.fixture(params=DELETED)
def deleted(request: pytest.FixtureRequest) -> Sample:
    return SAMPLES[request.param]


async def happened(api: Client, made: dict[str, object], count: int) -> list[str]:
    """What has happened to it so far, once that are so many things."""
    found = await api.events(count, subject=made["id"])
    return [event["type"].split(".")[2] for event in found]


# ── make and read ────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_every_field_comes_back_as_it_was_sent(api: Client, sample: Sample) -> None:
    made = await sample.make(api, sample.full)
    of_the_moment = {"case": "receivedAt", "task": "caseId"}.get(sample.name)
    assert made.keys() - {of_the_moment} == sample.full.keys() | sample.own.keys() | COMMON
    assert {name: made[name] for name in sample.full | sample.own} == sample.full | sample.own
    assert made["id"].startswith(f"{UNKNOWN[sample.name]}_")
    assert made["version"] == 1
    assert made["createdAt"] == made["updatedAt"]
    assert datetime.fromisoformat(made["createdAt"]).tzinfo is not None


async def test_what_is_left_out_has_its_default(api: Client, sample: Sample) -> None:
    made = await sample.make(api)
    assert {name: made[name] for name in sample.full} == sample.defaults


async def test_reading_answers_the_bytes_of_the_making(api: Client, sample: Sample) -> None:
    made = await api.post(await sample.home(api), json=sample.full)
    assert made.headers["Location"] == f"/v1{sample.at(made.json())}"
    read = await api.get(f"http://engage.test{made.headers['Location']}")
    assert (read.content, read.headers["ETag"]) == (made.content, made.headers["ETag"])


async def test_it_is_read_by_the_callers_own_id_too(api: Client, upserted: Sample) -> None:
    made = await upserted.make(api, upserted.full)
    assert await api.read(f"{upserted.path}/external/{made['externalId']}") == made
    refused(await api.get(f"{upserted.path}/external/nobodys"), 404, "not-found")


async def test_what_is_not_there_is_not_found(api: Client, sample: Sample) -> None:
    at = f"{sample.path}/{never(sample.name)}"
    tag = {"If-Match": "*"}
    refused(await api.get(at), 404, "not-found")
    refused(await api.patch(at, json=sample.change, headers=tag), 404, "not-found")
    refused(
        await api.post(f"{at}/transitions", json={"to": "active" if sample.name != "case" else "accepted"}),
        404,
        "not-found",
    )
    if sample.name in DELETED:
        refused(await api.delete(at, headers=tag), 404, "not-found")


async def test_an_external_id_is_taken_once(api: Client, sample: Sample) -> None:
    first = await sample.make(api, externalId="mine")
    home = await sample.home(api)
    problem = refused(await api.post(home, json=sample.least | {"externalId": "mine"}), 409, "already-exists")
    assert [(error["code"], error["pointer"]) for error in problem["errors"]] == [("taken", "/externalId")]
    second = await api.made(home, sample.least | {"externalId": "yours"})
    refused(await api.change(sample.at(second), {"externalId": "mine"}), 409, "already-exists")
    assert await api.read(sample.at(second)) == second
    answered(await api.change(sample.at(first), {"externalId": None}), 200)
    answered(await api.change(sample.at(second), {"externalId": "mine"}), 200)


async def test_an_external_id_is_each_workspaces_own(api: Client, other: Client, sample: Sample) -> None:
    await sample.make(api, externalId="mine")
    await sample.make(other, externalId="mine")


# ── change ───────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_patch_is_a_json_merge_patch_rfc_7396(api: Client, sample: Sample) -> None:
    made = await sample.make(api, sample.full)
    changed = answered(await api.change(sample.at(made), sample.change), 200)
    assert changed == made | sample.changed | {"version": 2, "updatedAt": changed["updatedAt"]}
    assert changed["updatedAt"] >= made["updatedAt"]
    assert await api.read(sample.at(made)) == changed


async def test_a_patch_may_say_that_it_is_one(api: Client, sample: Sample) -> None:
    made = await sample.make(api)
    headers = {"Content-Type": "application/merge-patch+json", "If-Match": "*"}
    changed = answered(await api.patch(sample.at(made), content=b'{"metadata":{"a":"b"}}', headers=headers), 200)
    assert changed["metadata"] == {"a": "b"}


async def test_a_patch_that_changes_nothing_writes_nothing(api: Client, sample: Sample) -> None:
    made = await sample.make(api, sample.full)
    tag = (await api.get(sample.at(made))).headers["ETag"]
    for patch in ({}, {"title": made.get("title", "")} if "title" in made else {"displayName": made["displayName"]}):
        same = await api.change(sample.at(made), patch, tag)
        assert (same.status_code, same.headers["ETag"], same.json()) == (200, tag, made)
    await api.change(sample.at(made), sample.change, tag)
    assert await happened(api, made, 2) == ["created", "updated"]


@pytest.mark.parametrize("name", ["id", "createdAt", "updatedAt", "version", "state", "workspaceId", "madeBy"])
async def test_nobody_writes_what_the_service_writes(api: Client, sample: Sample, name: str) -> None:
    body = sample.least | {name: "active"}
    assert places(refused(await api.post(await sample.home(api), json=body), 400, "invalid-request")) == {f"/{name}"}
    made = await sample.make(api)
    problem = refused(await api.change(sample.at(made), {name: "active"}), 400, "invalid-request")
    assert places(problem) == {f"/{name}"}
    assert await api.read(sample.at(made)) == made


# ── make or replace ──────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_put_makes_then_replaces_then_leaves_alone(api: Client, upserted: Sample) -> None:
    at = f"{upserted.path}/external/own.1"
    full = upserted.full | {"externalId": "own.1"}
    made = await api.put(at, json=full)
    body = answered(made, 201)
    assert body["externalId"] == "own.1"
    assert made.headers["Location"] == f"/v1{upserted.at(body)}"
    replaced = await api.put(at, json=upserted.least)
    whole = answered(replaced, 200)
    assert "Location" not in replaced.headers
    assert {name: whole[name] for name in upserted.full} == upserted.defaults | {"externalId": "own.1"}
    assert (whole["id"], whole["version"], whole["createdAt"]) == (body["id"], 2, body["createdAt"])
    again = await api.put(at, json=upserted.least)
    assert (again.status_code, again.headers["ETag"]) == (200, replaced.headers["ETag"])
    assert again.content == replaced.content
    assert answered(await api.put(at, json=full), 200)["version"] == 3
    assert await happened(api, body, 3) == ["created", "updated", "updated"]


async def test_a_put_names_one_id(api: Client, upserted: Sample) -> None:
    at = f"{upserted.path}/external/own"
    problem = refused(await api.put(at, json=upserted.least | {"externalId": "other"}), 400, "invalid-request")
    assert [(error["pointer"], error["code"]) for error in problem["errors"]] == [("/externalId", "contradiction")]
    assert answered(await api.put(at, json=upserted.least | {"externalId": "own"}), 201)["externalId"] == "own"
    assert answered(await api.put(at, json=upserted.least | {"externalId": None}), 200)["version"] == 1


async def test_an_id_that_nothing_can_have_is_not_found(api: Client, upserted: Sample) -> None:
    for odd in ("%20x", "a" * 129, "%C3%A9", "a%0A"):
        refused(await api.get(f"{upserted.path}/external/{odd}"), 404, "not-found")
        refused(await api.put(f"{upserted.path}/external/{odd}", json=upserted.least), 404, "not-found")


async def test_a_put_keeps_the_state(api: Client, upserted: Sample) -> None:
    at = f"{upserted.path}/external/own"
    made = answered(await api.put(at, json=upserted.least), 201)
    to = "accepted" if upserted.name == "case" else "active"
    await api.moved(upserted.at(made), to)
    assert answered(await api.put(at, json=upserted.full | {"externalId": "own"}), 200)["state"] == to


async def test_of_many_puts_at_once_one_makes_it(api: Client, upserted: Sample) -> None:
    at = f"{upserted.path}/external/raced"
    bodies = [upserted.least | {"metadata": {"n": str(n)}} for n in range(20)]
    answers = await asyncio.gather(*(api.put(at, json=body) for body in bodies))
    assert Counter(answer.status_code for answer in answers) == {201: 1, 200: 19}
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert sorted(answer.json()["version"] for answer in answers) == list(range(1, 21))
    assert await happened(api, answers[0].json(), 20) == ["created", *["updated"] * 19]


# ── delete ───────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_what_was_deleted_is_gone_and_its_external_id_is_free(api: Client, deleted: Sample) -> None:
    made = await deleted.make(api, deleted.full)
    answer = await api.delete(deleted.at(made), headers={"If-Match": "*"})
    assert (answer.status_code, answer.content) == (204, b"")
    refused(await api.get(deleted.at(made)), 404, "not-found")
    refused(await api.delete(deleted.at(made), headers={"If-Match": "*"}), 404, "not-found")
    assert await api.ids(deleted.path) == []
    await deleted.make(api, deleted.full)
    events = await api.events(2, subject=made["id"])
    assert [event["type"] for event in events] == [
        f"engage.{deleted.name}.{what}.v1" for what in ("created", "deleted")
    ]
    assert events[1]["data"] == made


async def test_cases_and_tasks_are_never_deleted(api: Client) -> None:
    for name in ("case", "task"):
        sample = SAMPLES[name]
        made = await sample.make(api)
        refused(await api.delete(sample.at(made), headers={"If-Match": "*"}), 405, "method-not-allowed")


async def test_a_customer_with_cases_stays(api: Client) -> None:
    customer = await SAMPLES["customer"].make(api)
    case = await SAMPLES["case"].make(api, customerId=customer["id"])
    at = f"/customers/{customer['id']}"
    refused(await api.delete(at, headers={"If-Match": "*"}), 409, "customer-in-use")
    assert await api.read(at) == customer
    answered(await api.change(f"/cases/{case['id']}", {"customerId": None}), 200)
    assert (await api.delete(at, headers={"If-Match": "*"})).status_code == 204


async def test_only_a_draft_offer_is_deleted(api: Client) -> None:
    offer = await SAMPLES["offer"].make(api)
    at = f"/offers/{offer['id']}"
    for state in ("active", "retired"):
        await api.moved(at, state)
        refused(await api.delete(at, headers={"If-Match": "*"}), 409, "offer-published")


async def test_a_retired_offer_is_history(api: Client) -> None:
    offer = await SAMPLES["offer"].make(api, externalId="old")
    for state in ("active", "retired"):
        offer = await api.moved(f"/offers/{offer['id']}", state)
    refused(await api.change(f"/offers/{offer['id']}", {"title": "New"}), 409, "offer-retired")
    refused(await api.put("/offers/external/old", json={"title": "New"}), 409, "offer-retired")
    assert answered(await api.put("/offers/external/old", json={"title": "Ann"}), 200) == offer
