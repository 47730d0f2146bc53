"""What is true of cases and their tasks alone."""

import asyncio

import pytest

from tests.api.harness import Client, Service, answered, places, refused
from tests.api.samples import CASE, SAMPLES, TASK, never

PLAIN = {"type": "any", "title": "Plain"}


async def closed(api: Client) -> str:
    """Where a closed case with a task is."""
    case = await api.made("/cases", PLAIN | {"externalId": "shut", "tasks": [{"title": "Step"}]})
    await api.moved(f"/cases/{case['id']}", "withdrawn")
    return f"/cases/{case['id']}"


# ── a whole case at once ─────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_whole_case_is_made_with_its_tasks(api: Client) -> None:
    tasks = [TASK | {"externalId": f"step-{n}", "title": f"Step {n}"} for n in range(100)]
    received = {"receivedAt": "2010-10-11T13:45:40.276+02:00"}
    case = await api.made("/cases", CASE | received | {"tasks": tasks})
    assert case["receivedAt"] == "2010-10-11T11:45:40.276Z"
    found = await api.read(f"/cases/{case['id']}/tasks", limit=200)
    assert [{name: task[name] for name in TASK} for task in found["items"]] == tasks
    assert {task["caseId"] for task in found["items"]} == {case["id"]}


@pytest.mark.parametrize(
    ("second", "status", "code", "where"),
    [
        ({"title": ""}, 400, "invalid-request", {"/tasks/1/title"}),
        ({"title": "A", "kind": "odd", "state": "active"}, 400, "invalid-request", {"/tasks/1/kind", "/tasks/1/state"}),
        ({"title": "A", "externalId": "same"}, 409, "already-exists", {"/tasks/1/externalId"}),
    ],
)
async def test_with_one_bad_task_nothing_is_made(
    api: Client, second: dict[str, str], status: int, code: str, where: set[str]
) -> None:
    body = PLAIN | {
        "externalId": "whole",
        "tasks": [{"title": "Good", "externalId": "same"}, second, {"title": "Good"}],
    }
    problem = refused(await api.post("/cases", json=body), status, code)
    assert places(problem) == where
    assert (await api.ids("/cases"), await api.ids("/tasks")) == ([], [])
    marker = await SAMPLES["offer"].make(api)
    subjects = [event["subject"] for event in await api.events(1, type="engage.offer.created.v1")]
    assert subjects == [marker["id"]]
    assert await api.ids("/events", type="engage.case.created.v1") == []
    assert await api.ids("/events", type="engage.task.created.v1") == []


# ── expand ───────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_expand_answers_the_documents_of_others(api: Client) -> None:
    customer = await SAMPLES["customer"].make(api)
    case = await api.made("/cases", PLAIN | {"customerId": customer["id"], "tasks": [{"title": n} for n in "ab"]})
    at = f"/cases/{case['id']}"
    tasks = (await api.read(f"{at}/tasks"))["items"]
    for expand, more in {
        "customer": {"customer": customer},
        "tasks": {"tasks": tasks},
        "customer,tasks": {"customer": customer, "tasks": tasks},
        "tasks,customer": {"customer": customer, "tasks": tasks},
    }.items():
        assert await api.read(at, expand=expand) == case | more
    alone = await api.made("/cases", PLAIN)
    assert await api.read(f"/cases/{alone['id']}", expand="customer,tasks") == alone | {"customer": None, "tasks": []}


async def test_an_expanded_answer_has_a_weak_etag_of_all_its_parts(api: Client) -> None:
    case = await api.made("/cases", PLAIN | {"tasks": [{"title": "a"}]})
    at, params = f"/cases/{case['id']}", {"expand": "tasks"}
    tag = (await api.get(at, params=params)).headers["ETag"]
    assert tag.startswith('W/"')
    for known in (tag, f'"x", {tag}', "*", tag.removeprefix("W/")):
        same = await api.get(at, params=params, headers={"If-None-Match": known})
        assert (same.status_code, same.content) == (304, b""), known
    refused(await api.patch(at, json={"title": "b"}, headers={"If-Match": tag}), 412, "stale-version")
    await api.made(f"{at}/tasks", {"title": "b"})
    assert (await api.get(at, params=params, headers={"If-None-Match": tag})).status_code == 200


@pytest.mark.parametrize("expand", ["", "nobody", "customer,", "customer;tasks", "customer,customer,owner"])
async def test_what_cannot_be_expanded_is_not_valid(api: Client, expand: str) -> None:
    case = await api.made("/cases", PLAIN)
    problem = refused(await api.get(f"/cases/{case['id']}", params={"expand": expand}), 400, "invalid-request")
    assert places(problem) == {"expand"}


async def test_expand_gives_no_more_than_the_scopes_of_a_direct_read(api: Client, service: Service) -> None:
    customer = await SAMPLES["customer"].make(api)
    case = await api.made("/cases", PLAIN | {"customerId": customer["id"]})
    clerk = await service.caller("cases:read")
    answer = await clerk.get(f"/cases/{case['id']}", params={"expand": "customer"})
    assert refused(answer, 403, "insufficient-scope")["requiredScope"] == "customers:read"
    await clerk.read(f"/cases/{case['id']}", expand="tasks")


async def test_expand_shows_only_what_the_caller_may_see(api: Client, partner: Client) -> None:
    customer = await SAMPLES["customer"].make(api)
    case = await partner.made("/cases", PLAIN | {"tasks": [{"title": "theirs"}]})
    await api.made(f"/cases/{case['id']}/tasks", {"title": "ours"})
    answered(await api.change(f"/cases/{case['id']}", {"customerId": customer["id"]}), 200)
    found = await partner.read(f"/cases/{case['id']}", expand="customer,tasks")
    assert found["customer"] is None
    assert [task["title"] for task in found["tasks"]] == ["theirs"]


# ── a closed case, and hands ─────────────────────────────────────────────────────────────────────────────────────────


async def test_nothing_about_a_closed_case_changes(api: Client) -> None:
    at = await closed(api)
    (task,) = (await api.read(f"{at}/tasks"))["items"]
    case = await api.read(at)
    refused(await api.change(at, {"title": "New"}), 409, "case-closed")
    refused(await api.put("/cases/external/shut", json=PLAIN | {"title": "New"}), 409, "case-closed")
    refused(await api.post(f"{at}/tasks", json={"title": "One more"}), 409, "case-closed")
    refused(await api.change(f"/tasks/{task['id']}", {"title": "New"}), 409, "case-closed")
    refused(await api.post(f"/tasks/{task['id']}/transitions", json={"to": "active"}), 409, "case-closed")
    assert answered(await api.put("/cases/external/shut", json=PLAIN), 200) == case
    await api.moved(at, "in-progress", reason="Look again.")
    answered(await api.change(at, {"title": "New"}), 200)
    await api.moved(f"/tasks/{task['id']}", "active")


async def test_a_task_that_goes_from_hand_to_hand_is_counted(api: Client) -> None:
    case = await api.made("/cases", PLAIN | {"tasks": [{"title": "a"}]})
    (task,) = (await api.read(f"/cases/{case['id']}/tasks"))["items"]
    at = f"/tasks/{task['id']}"
    for patch, count in (
        ({"assignee": "Ann"}, 0),  # nobody had it
        ({"title": "b"}, 0),
        ({"assignee": "Ann"}, 0),
        ({"assignee": "Bo"}, 1),
        ({"assignee": None}, 1),  # nobody has it
        ({"assignee": "Ann"}, 1),
        ({"assignee": "Cy", "title": "c"}, 2),
    ):
        answered(await api.change(at, patch), 200)
        assert (await api.read(f"/cases/{case['id']}"))["handoverCount"] == count, patch


async def test_handovers_at_the_same_moment_are_all_counted(api: Client) -> None:
    tasks = [{"title": str(n), "assignee": "Ann"} for n in range(10)]
    case = await api.made("/cases", PLAIN | {"tasks": tasks})
    found = (await api.read(f"/cases/{case['id']}/tasks"))["items"]
    answers = await asyncio.gather(*(api.change(f"/tasks/{task['id']}", {"assignee": "Bo"}, "*") for task in found))
    assert {answer.status_code for answer in answers} == {200}
    assert (await api.read(f"/cases/{case['id']}"))["handoverCount"] == 10


async def test_a_case_that_is_not_there_has_no_tasks(api: Client, other: Client) -> None:
    theirs = await SAMPLES["case"].make(other)
    for case_id in (theirs["id"], never("case"), "x"):
        refused(await api.get(f"/cases/{case_id}/tasks"), 404, "not-found")
        refused(await api.post(f"/cases/{case_id}/tasks", json={"title": "a"}), 404, "not-found")
