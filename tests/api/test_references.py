"""What cases refer to: customers, and the cases that they are parts of."""

import asyncio
from typing import Any

import pytest

from tests.api.harness import Client, answered, places, refused
from tests.api.samples import SAMPLES, never

PLAIN = {"type": "any", "title": "Plain"}


async def test_unknown_references_are_all_named(api: Client, other: Client) -> None:
    theirs = (await SAMPLES["customer"].make(other))["id"]  # exists, and is nobody's business here
    case_of_theirs = (await SAMPLES["case"].make(other))["id"]
    people = [{"role": "r", "name": "n", "customerId": one} for one in (None, theirs, never("customer"))]
    body = {"customerId": "no id at all", "parentId": case_of_theirs, "participants": people}
    where = {"/customerId", "/parentId", "/participants/1/customerId", "/participants/2/customerId"}
    made = await SAMPLES["case"].make(api)
    for answer in (
        await api.post("/cases", json=PLAIN | body),
        await api.put("/cases/external/e", json=PLAIN | body),
        await api.change(f"/cases/{made['id']}", body),
    ):
        problem = refused(answer, 400, "unknown-reference")
        assert places(problem) == where
        assert {error["code"] for error in problem["errors"]} == {"unknown-reference"}


async def test_references_to_what_is_there_are_kept(api: Client) -> None:
    customer, parent = await SAMPLES["customer"].make(api), await SAMPLES["case"].make(api)
    people = [{"role": "applicant", "name": "Zoë", "customerId": customer["id"]}]
    case = await api.made(
        "/cases", PLAIN | {"customerId": customer["id"], "parentId": parent["id"], "participants": people}
    )
    assert (case["customerId"], case["parentId"], case["participants"]) == (customer["id"], parent["id"], people)


async def test_a_case_is_no_part_of_itself(api: Client) -> None:
    case = await api.made("/cases", PLAIN | {"externalId": "self"})
    own = {"parentId": case["id"]}
    for answer in (
        await api.change(f"/cases/{case['id']}", own),
        await api.put("/cases/external/self", json=PLAIN | own),
    ):
        problem = refused(answer, 400, "invalid-request")
        assert [(error["code"], error["pointer"]) for error in problem["errors"]] == [("circle", "/parentId")]


async def line(api: Client, length: int) -> list[str]:
    """Cases of which each is a part of the one before."""
    found: list[str] = []
    for _ in range(length):
        parent = {"parentId": found[-1]} if found else {}
        found.append((await api.made("/cases", PLAIN | parent))["id"])
    return found


async def test_a_case_is_no_part_of_its_own_parts(api: Client, partner: Client) -> None:
    first, *_, last = await line(api, 4)
    problem = refused(await api.change(f"/cases/{first}", {"parentId": last}), 400, "invalid-request")
    assert [(error["code"], error["pointer"]) for error in problem["errors"]] == [("circle", "/parentId")]
    below = await partner.made("/cases", PLAIN)  # a part of what the partner does not see
    answered(await api.change(f"/cases/{below['id']}", {"parentId": last}), 200)
    own = await partner.made("/cases", PLAIN | {"parentId": below["id"]})
    answered(await api.change(f"/cases/{first}", {"parentId": None, "title": "Top"}), 200)
    refused(await api.change(f"/cases/{first}", {"parentId": own["id"]}), 400, "invalid-request")


async def test_twenty_cases_stand_above_a_case(api: Client) -> None:
    found = await line(api, 21)
    problem = refused(await api.post("/cases", json=PLAIN | {"parentId": found[-1]}), 400, "invalid-request")
    assert [(error["code"], error["pointer"]) for error in problem["errors"]] == [("too-deep", "/parentId")]
    for parent, status in ((found[-1], 400), (found[-2], 200), (found[0], 200)):
        case = await api.made("/cases", PLAIN)
        assert (await api.change(f"/cases/{case['id']}", {"parentId": parent})).status_code == status


@pytest.mark.parametrize("count", [2, 3])
async def test_cases_do_not_become_parts_of_each_other_at_once(api: Client, count: int) -> None:
    for _ in range(5):
        ids = [(await api.made("/cases", PLAIN | {"externalId": None}))["id"] for _ in range(count)]
        answers = await asyncio.gather(
            *(api.change(f"/cases/{one}", {"parentId": ids[n - 1]}, "*") for n, one in enumerate(ids))
        )
        assert sorted(answer.status_code for answer in answers) == [*[200] * (count - 1), 400]


async def test_what_a_case_refers_to_already_is_not_asked_again(api: Client, partner: Client) -> None:
    case = await partner.made("/cases", PLAIN)
    at, hidden = f"/cases/{case['id']}", (await SAMPLES["customer"].make(api))["id"]
    parent = (await SAMPLES["case"].make(api))["id"]
    people = [{"role": "payer", "name": "Zoë", "customerId": hidden}]
    set_by_operator = {"customerId": hidden, "parentId": parent, "participants": people}
    answered(await api.change(at, set_by_operator), 200)
    changed = answered(await partner.change(at, {"title": "New", "participants": [*people, *people]}), 200)
    assert (changed["title"], changed["customerId"], changed["parentId"]) == ("New", hidden, parent)
    less: tuple[dict[str, Any], ...] = ({"customerId": None}, {"participants": []}, {"parentId": None})
    for patch in less:
        answered(await partner.change(at, patch), 200)
    for more, where in (
        ({"customerId": hidden}, "/customerId"),
        ({"participants": people}, "/participants/0/customerId"),
        ({"parentId": parent}, "/parentId"),
    ):
        assert places(refused(await partner.change(at, more), 400, "unknown-reference")) == {where}


async def test_who_takes_part_in_a_case_stays(api: Client, partner: Client) -> None:
    customer = await SAMPLES["customer"].make(partner)
    at, tag = f"/customers/{customer['id']}", {"If-Match": "*"}
    people = [{"role": "payer", "name": "Zoë", "customerId": customer["id"]}]
    case = await api.made("/cases", PLAIN | {"participants": people})
    for caller in (api, partner):
        refused(await caller.delete(at, headers=tag), 409, "customer-in-use")
    answered(await api.change(f"/cases/{case['id']}", {"participants": []}), 200)
    assert (await partner.delete(at, headers=tag)).status_code == 204


async def test_the_customer_of_a_case_takes_part_in_it_while_somebody_would_delete_them(api: Client) -> None:
    for _ in range(5):
        customer = await SAMPLES["customer"].make(api)
        case = await api.made("/cases", PLAIN | {"customerId": customer["id"]})
        people = [{"role": "payer", "name": "Zoë", "customerId": customer["id"]}]
        gone, changed = await asyncio.gather(
            api.delete(f"/customers/{customer['id']}", headers={"If-Match": "*"}),
            api.change(f"/cases/{case['id']}", {"participants": people}, "*"),
        )
        assert (gone.status_code, changed.status_code) == (409, 200)


async def test_a_participant_that_goes_while_the_case_is_made_is_not_left_dangling(api: Client) -> None:
    for _ in range(5):
        customer = await SAMPLES["customer"].make(api)
        people = [{"role": "payer", "name": "Zoë", "customerId": customer["id"]}]
        at = f"/cases/{(await api.made('/cases', PLAIN))['id']}"
        gone, made, changed = await asyncio.gather(
            api.delete(f"/customers/{customer['id']}", headers={"If-Match": "*"}),
            api.post("/cases", json=PLAIN | {"participants": people}),
            api.change(at, {"participants": people}, "*"),
        )
        if gone.status_code == 204:
            assert (made.status_code, changed.status_code) == (400, 400)
        else:
            refused(gone, 409, "customer-in-use")
            assert made.status_code == 201 or changed.status_code == 200


async def test_a_customer_that_goes_while_its_case_is_made_is_no_mistake_of_ours(api: Client) -> None:
    for _ in range(5):
        customer = await SAMPLES["customer"].make(api)
        going = api.delete(f"/customers/{customer['id']}", headers={"If-Match": "*"})
        making = api.post("/cases", json=PLAIN | {"customerId": customer["id"]})
        gone, made = await asyncio.gather(going, making)
        assert (gone.status_code, made.status_code) in {(204, 400), (204, 409), (409, 201)}, (gone.text, made.text)
