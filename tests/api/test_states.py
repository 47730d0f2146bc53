"""State machines: every pair of states of every machine, and what a change of state writes down besides.

The tables are the design's, written down here a second time: they must not come from the code that they judge.
"""

from collections import deque
from collections.abc import Mapping

import pytest

from tests.api.harness import Client, answered, places, refused
from tests.api.samples import SAMPLES, Body

Machine = Mapping[str, list[str]]

MACHINES: Mapping[str, Machine] = {
    "customer": {
        "prospect": ["active", "closed"],
        "active": ["dormant", "closed"],
        "dormant": ["active", "closed"],
        "closed": [],
    },
    "case": {
        "received": ["accepted", "rejected", "withdrawn"],
        "accepted": ["in-progress", "rejected", "withdrawn"],
        "in-progress": ["waiting", "delivered", "rejected", "withdrawn"],
        "waiting": ["in-progress", "rejected", "withdrawn"],
        "delivered": ["confirmed", "in-progress"],
        "confirmed": ["in-progress"],
        "rejected": ["in-progress"],
        "withdrawn": ["in-progress"],
    },
    "task": {
        "available": ["active", "skipped"],
        "active": ["completed", "failed", "available"],
        "failed": ["available"],
        "completed": ["available"],
        "skipped": ["available"],
    },
    "offer": {"draft": ["active"], "active": ["retired"], "retired": []},
}
CLOSED = ["confirmed", "rejected", "withdrawn"]
DONE = ["completed", "skipped"]
FROM = [(name, state) for name, machine in MACHINES.items() for state in machine]


def route(machine: Machine, goal: str) -> list[str]:
    """The shortest way there from the first state."""
    first = next(iter(machine))
    ways = deque([[first]])
    while ways:
        way = ways.popleft()
        if way[-1] == goal:
            return way[1:]
        ways.extend([*way, to] for to in machine[way[-1]] if to not in way)
    raise AssertionError(goal)


def words(name: str, state: str, to: str) -> dict[str, str]:
    """What must be said with this change of state."""
    said = {"to": to}
    if name == "case" and to == "waiting":
        said["waitingFor"] = "partner"
    if (name, state) in {("case", one) for one in CLOSED} | {("task", one) for one in DONE}:
        said["reason"] = "It was too early."
    return said


async def brought(api: Client, name: str, state: str) -> Body:
    """A new one in this state."""
    made = await SAMPLES[name].make(api)
    for to in route(MACHINES[name], state):
        said = words(name, made["state"], to)
        made = answered(await api.post(f"{SAMPLES[name].at(made)}/transitions", json=said), 200)
    return made


@pytest.mark.parametrize(("name", "state"), FROM)
async def test_from_each_state_it_goes_where_the_machine_says_and_nowhere_else(
    api: Client, name: str, state: str
) -> None:
    machine = MACHINES[name]
    made = await brought(api, name, state)
    assert made["state"] == state
    at = f"{SAMPLES[name].at(made)}/transitions"
    for to in sorted(machine.keys() - set(machine[state])):
        problem = refused(await api.post(at, json=words(name, state, to)), 409, "invalid-transition")
        assert (problem["state"], problem["allowed"]) == (state, machine[state])
    assert await api.read(SAMPLES[name].at(made)) == made
    for to in machine[state]:
        one = await brought(api, name, state)
        moved = answered(await api.post(f"{SAMPLES[name].at(one)}/transitions", json=words(name, state, to)), 200)
        assert (moved["state"], moved["version"]) == (to, one["version"] + 1)


@pytest.mark.parametrize("name", MACHINES)
async def test_each_change_of_state_is_the_event_of_that_name(api: Client, name: str) -> None:
    last = list(MACHINES[name])[-1]
    made = await brought(api, name, last)
    way = route(MACHINES[name], last)
    events = await api.events(1 + len(way), subject=made["id"])
    assert [event["type"] for event in events] == [f"engage.{name}.{what}.v1" for what in ("created", *way)]
    assert [event["data"]["state"] for event in events[1:]] == way


@pytest.mark.parametrize("name", MACHINES)
async def test_a_state_that_there_is_not_is_not_valid(api: Client, name: str) -> None:
    made = await SAMPLES[name].make(api)
    for body in ({"to": "elsewhere"}, {"to": None}, {}):
        problem = refused(await api.post(f"{SAMPLES[name].at(made)}/transitions", json=body), 400, "invalid-request")
        assert places(problem) == {"/to"}


@pytest.mark.parametrize(("name", "state"), [*(("case", one) for one in CLOSED), *(("task", one) for one in DONE)])
async def test_reopening_needs_a_reason_and_keeps_it(api: Client, name: str, state: str) -> None:
    made = await brought(api, name, state)
    at, to = f"{SAMPLES[name].at(made)}/transitions", MACHINES[name][state][0]
    for body in ({"to": to}, {"to": to, "reason": ""}, {"to": to, "reason": None}):
        assert places(refused(await api.post(at, json=body), 400, "invalid-request")) == {"/reason"}
    moved = answered(await api.post(at, json={"to": to, "reason": "It was too early."}), 200)
    assert moved["stateReason"] == "It was too early."


async def test_a_delivered_case_is_reopened_without_a_reason(api: Client) -> None:
    made = await brought(api, "case", "delivered")
    assert (await api.moved(f"/cases/{made['id']}", "in-progress"))["stateReason"] is None


@pytest.mark.parametrize("whom", ["customer", "partner", "suspended"])
async def test_a_case_waits_for_somebody(api: Client, whom: str) -> None:
    made = await brought(api, "case", "in-progress")
    at = f"/cases/{made['id']}"
    for body in ({"to": "waiting"}, {"to": "waiting", "waitingFor": "godot"}, {"to": "delivered", "waitingFor": whom}):
        problem = refused(await api.post(f"{at}/transitions", json=body), 400, "invalid-request")
        assert places(problem) == {"/waitingFor"}
    assert (await api.moved(at, "waiting", waitingFor=whom))["waitingFor"] == whom
    assert (await api.moved(at, "in-progress"))["waitingFor"] is None


async def test_a_delivery_says_when_and_whether_a_hand_was_needed(api: Client) -> None:
    for modes, straight in (([], True), (["automatic"], True), (["automatic", "manual"], False)):
        tasks = [{"title": "A step", "mode": mode} for mode in modes]
        case = await api.made("/cases", {"type": "any", "title": "Deliver", "tasks": tasks})
        at = f"/cases/{case['id']}"
        for to in ("accepted", "in-progress"):
            case = await api.moved(at, to)
        assert (case["deliveredAt"], case["straightThrough"]) == (None, None)
        case = await api.moved(at, "delivered", outcome="a permit")
        assert (case["straightThrough"], case["outcome"]) == (straight, "a permit")
        assert case["createdAt"] <= case["deliveredAt"] <= case["updatedAt"]
        reopened = await api.moved(at, "in-progress")
        assert (reopened["deliveredAt"], reopened["outcome"]) == (case["deliveredAt"], "a permit")


async def test_a_task_says_when_it_began_and_ended_and_what_came_of_it(api: Client) -> None:
    task = await SAMPLES["task"].make(api)
    at = f"/tasks/{task['id']}"
    began = await api.moved(at, "active")
    assert task["createdAt"] <= began["startedAt"] <= began["updatedAt"]
    assert began["completedAt"] is None
    ended = await api.moved(at, "completed", result="It fits.")
    assert began["startedAt"] == ended["startedAt"] <= ended["completedAt"] <= ended["updatedAt"]
    again = await api.moved(at, "available", reason="It does not.")
    assert (again["result"], again["completedAt"]) == ("It fits.", ended["completedAt"])


@pytest.mark.parametrize("name", MACHINES)
async def test_a_precondition_is_heeded_where_one_is_given(api: Client, name: str) -> None:
    made = await SAMPLES[name].make(api)
    at, to = SAMPLES[name].at(made), next(iter(MACHINES[name].values()))[0]
    stale = {"If-Match": '"of-another-version"'}
    refused(await api.post(f"{at}/transitions", json={"to": to}, headers=stale), 412, "stale-version")
    present = {"If-Match": (await api.get(at)).headers["ETag"]}
    assert answered(await api.post(f"{at}/transitions", json={"to": to}, headers=present), 200)["state"] == to
