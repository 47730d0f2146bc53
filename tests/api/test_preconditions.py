"""ETags and preconditions (RFC 9110 sections 8.8 and 13, RFC 6585 section 3)."""

import asyncio
from collections import Counter

import pytest

from tests.api.harness import Client, Service, answered, refused
from tests.api.samples import DELETED, SAMPLES, UPSERTED, Sample


@pytest.fixture(params=SAMPLES)
def sample(request: pytest.FixtureRequest) -> Sample:
    return SAMPLES[request.param]


async def test_an_etag_is_strong_and_of_the_bytes(api: Client, service: Service, sample: Sample) -> None:
    made = await sample.make(api, sample.full)
    first, second = await api.get(sample.at(made)), await (await service.caller()).get(sample.at(made))
    assert first.headers["ETag"] == second.headers["ETag"]
    assert first.headers["ETag"].startswith('"')
    assert first.headers["ETag"].endswith('"')
    changed = await api.change(sample.at(made), sample.change)
    assert changed.headers["ETag"] != first.headers["ETag"]
    assert (await api.get(sample.at(made))).headers["ETag"] == changed.headers["ETag"]


async def test_if_none_match_saves_the_bytes(api: Client, sample: Sample) -> None:
    made = await sample.make(api, sample.full)
    tag = (await api.get(sample.at(made))).headers["ETag"]
    for known in (tag, f"W/{tag}", f'"x", {tag}', f'"x",W/{tag},"y"', "*", f" {tag} "):
        same = await api.get(sample.at(made), headers={"If-None-Match": known})
        assert (same.status_code, same.content, same.headers["ETag"]) == (304, b"", tag), known
        assert same.headers["X-Request-Id"]
    for known in ('"x"', tag.strip('"'), tag[:-2] + '"', 'W/"x"', "", tag.swapcase()):
        answered(await api.get(sample.at(made), headers={"If-None-Match": known}), 200)
    answered(await api.change(sample.at(made), sample.change), 200)
    answered(await api.get(sample.at(made), headers={"If-None-Match": tag}), 200)


async def test_headers_in_several_lines_are_one_list(api: Client, sample: Sample) -> None:
    """RFC 9110 section 5.3."""
    made = await sample.make(api, sample.full)
    tag = (await api.get(sample.at(made))).headers["ETag"]
    for tags in (['"x"', tag], [tag, '"x"'], ["", '"x", "y"', tag]):
        known = await api.get(sample.at(made), headers=[("If-None-Match", one) for one in tags])
        assert known.status_code == 304
        fits = await api.patch(sample.at(made), json={}, headers=[("If-Match", one) for one in tags])
        assert answered(fits, 200) == made
    fits = await api.patch(sample.at(made), json={}, headers=[("If-Match", '"x"'), ("If-Match", '"y"')])
    refused(fits, 412, "stale-version")


async def test_a_tag_that_is_none_for_if_match_is_told_apart_from_a_stale_one(api: Client, sample: Sample) -> None:
    made = await sample.make(api, sample.full)
    tag = (await api.get(sample.at(made))).headers["ETag"]
    for given, said in (
        ('"x"', "has changed"),
        ('"x", "y"', "has changed"),
        (f"W/{tag}", "a strong ETag in quotes"),
        (tag.strip('"'), "a strong ETag in quotes"),
        (f'*, "x", {tag}x', "a strong ETag in quotes"),
    ):
        answer = await api.patch(sample.at(made), json={}, headers={"If-Match": given})
        assert said in refused(answer, 412, "stale-version")["detail"], given


@pytest.mark.parametrize("name", UPSERTED)
async def test_a_put_takes_preconditions_too(api: Client, name: str) -> None:
    sample, at = SAMPLES[name], f"{SAMPLES[name].path}/external/put:1"
    for given in ('"x"', "*"):
        absent = await api.put(at, json=sample.least, headers={"If-Match": given})
        assert "nothing with this id" in refused(absent, 412, "stale-version")["detail"]
    made = await api.put(at, json=sample.least, headers={"If-None-Match": "*"})
    old = made.headers["ETag"]
    assert made.status_code == 201
    for given in ("*", old, f'"x", W/{old}'):
        there = await api.put(at, json=sample.least, headers={"If-None-Match": given})
        refused(there, 412, "stale-version")
    wanted = {what: value for what, value in sample.full.items() if what != "externalId"}
    replaced = await api.put(at, json=wanted, headers={"If-Match": f'"x", {old}'})
    assert replaced.status_code == 200
    for given in (old, f"W/{replaced.headers['ETag']}"):
        refused(await api.put(at, json=sample.least, headers={"If-Match": given}), 412, "stale-version")
    assert (await api.get(at)).headers["ETag"] == replaced.headers["ETag"]
    for headers in ({"If-Match": "*"}, {"If-None-Match": '"x"'}, {"If-Match": replaced.headers["ETag"]}):
        answered(await api.put(at, json=wanted, headers=headers), 200)


@pytest.mark.parametrize("name", UPSERTED)
async def test_of_twenty_puts_that_would_only_make_it_one_does(api: Client, name: str) -> None:
    at = f"{SAMPLES[name].path}/external/put:2"
    once = {"If-None-Match": "*"}
    answers = await asyncio.gather(*(api.put(at, json=SAMPLES[name].least, headers=once) for _ in range(20)))
    assert Counter(answer.status_code for answer in answers) == {201: 1, 412: 19}


async def test_a_change_without_if_match_is_428(api: Client, sample: Sample) -> None:
    made = await sample.make(api, sample.full)
    refused(await api.patch(sample.at(made), json=sample.change), 428, "precondition-required")
    if sample.name in DELETED:
        refused(await api.delete(sample.at(made)), 428, "precondition-required")
    assert await api.read(sample.at(made)) == made


async def test_a_change_of_what_has_changed_is_412(api: Client, sample: Sample) -> None:
    made = await sample.make(api, sample.full)
    old = (await api.get(sample.at(made))).headers["ETag"]
    present = (await api.change(sample.at(made), {"metadata": {"n": "1"}})).headers["ETag"]
    for given in (old, f"W/{present}", '"x"', f'{old}, "x"', "", present.strip('"'), f"W/{present}, {old}"):
        headers = {"If-Match": given}
        refused(await api.patch(sample.at(made), json=sample.change, headers=headers), 412, "stale-version")
        if sample.name in DELETED:
            refused(await api.delete(sample.at(made), headers=headers), 412, "stale-version")
    assert (await api.read(sample.at(made)))["version"] == 2


@pytest.mark.parametrize("given", ["{}", '"x", {}', '"x",{} ,"y"', "*", " {} "])
async def test_a_change_of_the_present_version_is_made(api: Client, sample: Sample, given: str) -> None:
    made = await sample.make(api, sample.full)
    tag = (await api.get(sample.at(made))).headers["ETag"]
    answer = await api.patch(sample.at(made), json=sample.change, headers={"If-Match": given.format(tag)})
    assert answered(answer, 200)["version"] == 2
    if sample.name in DELETED:
        gone = await api.delete(sample.at(made), headers={"If-Match": given.format(answer.headers["ETag"])})
        assert gone.status_code == 204


async def test_r1_of_twenty_changes_of_one_version_one_is_made(api: Client, sample: Sample) -> None:
    made = await sample.make(api, sample.full)
    tag = (await api.get(sample.at(made))).headers["ETag"]
    answers = await asyncio.gather(*(api.change(sample.at(made), {"metadata": {"n": str(n)}}, tag) for n in range(20)))
    assert Counter(answer.status_code for answer in answers) == {200: 1, 412: 19}
    (winner,) = [answer for answer in answers if answer.status_code == 200]
    for loser in answers:
        if loser is not winner:
            refused(loser, 412, "stale-version")
    assert await api.read(sample.at(made)) == winner.json()
    marker = await api.change(sample.at(made), {"metadata": {"n": "last"}})
    events = await api.events(3, subject=made["id"])
    assert [event["data"] for event in events] == [made, winner.json(), marker.json()]


async def test_r1_of_twenty_moves_at_once_one_is_made(api: Client) -> None:
    case = await SAMPLES["case"].make(api)
    at = f"/cases/{case['id']}/transitions"
    answers = await asyncio.gather(*(api.post(at, json={"to": "accepted"}) for _ in range(20)))
    assert Counter(answer.status_code for answer in answers) == {200: 1, 409: 19}
    assert (await api.read(f"/cases/{case['id']}"))["version"] == 2


async def test_r1_of_twenty_deletions_at_once_one_is_made(api: Client) -> None:
    offer = await SAMPLES["offer"].make(api)
    at, tag = f"/offers/{offer['id']}", {"If-Match": "*"}
    answers = await asyncio.gather(*(api.delete(at, headers=tag) for _ in range(20)))
    assert Counter(answer.status_code for answer in answers) == {204: 1, 404: 19}
    events = await api.events(2, subject=offer["id"])
    assert [event["type"].split(".")[2] for event in events] == ["created", "deleted"]


async def test_an_api_key_has_one_owner_and_needs_no_precondition(api: Client) -> None:
    key = await api.made("/api-keys", {"name": "A", "scopes": ["cases:read"]})
    assert (await api.delete(f"/api-keys/{key['id']}")).status_code == 204
