"""The sandbox that an organization gets when it is made belongs to all of its applications."""

from dataclasses import replace

from engage_api.access.operator import principal
from engage_api.access.worlds import LIVE, OF_SANDBOXES
from engage_api.sandbox import log_hash, own
from tests.api.harness import Service, answered, refused
from tests.running import Application
from tests.sandbox.test_sandboxes import EMPTY, arrive


async def test_the_sandbox_of_an_organization_stays(service: Service) -> None:
    operator = await service.caller(who=Application("app_operator", "live"))
    organization = await operator.made("/organizations", {"name": "Bouw", "kind": "developer"})
    [found] = [one for one in (await operator.read("/sandboxes", search="bouw"))["items"] if one["name"] == "Bouw"]
    assert (found["expiresAt"], found["size"], found["state"]) == (None, "empty", "ready")
    application = await operator.made(
        "/applications", {"name": "A", "organizationId": organization["id"], "scopes": ["sandbox:write", "keys:read"]}
    )
    key = await service.key("sandbox:write", who=Application(application["id"], found["id"]))
    own = await service.client(key)
    assert await own.ids("/sandboxes") == [found["id"]], "whoever's key it is"
    made = await own.made("/sandboxes", EMPTY)
    here, aside = f"/sandboxes/{found['id']}", await service.client(made["key"])
    assert found["id"] in await aside.ids("/sandboxes")
    assert (await own.read(f"{here}/clock"))["mode"], "it is theirs"
    refused(await aside.get(f"{here}/clock"), 404, "not-found")
    refused(await aside.post(f"{here}/resets", json={}), 404, "not-found")
    refused(await aside.get(f"{here}/export"), 404, "not-found")
    assert len(await own.ids("/sandboxes", search="bouw")) == 1
    assert found["id"] not in await (await arrive(service)).ids("/sandboxes"), "of another organization"
    refused(await own.delete(f"/sandboxes/{found['id']}", headers={"If-Match": "*"}), 409, "sandbox-kept")
    assert (await operator.delete(f"/sandboxes/{found['id']}", headers={"If-Match": "*"})).status_code == 204
    refused(await own.get("/sandboxes"), 401, "unauthenticated")


async def test_whatever_they_share_names_none_of_them(service: Service) -> None:
    operator = await service.caller(who=Application("app_operator", "live"))
    whose = (await operator.made("/organizations", {"name": "Bouw", "kind": "developer"}))["id"]
    [found] = [one for one in (await operator.read("/sandboxes", search="bouw"))["items"] if one["name"] == "Bouw"]
    shared, ids, clients = found["id"], [], []
    wanted = {"organizationId": whose, "scopes": sorted(OF_SANDBOXES)}
    for name in ("A", "B"):
        ids.append((await operator.made("/applications", {"name": name, **wanted}))["id"])
        clients.append(await service.caller(who=Application(ids[-1], shared)))
        await clients[-1].made("/webhook-endpoints", {"url": "https://receiver.invalid/", "types": [f"x.{whose}.*"]})
        await clients[-1].made("/events", {"type": f"x.{whose}.y", "subject": ids[-1], "data": {"by": ids[-1]}})
    one, here = clients[0], f"/sandboxes/{shared}"
    told = (await one.read(f"{here}/log-hash"))["hash"]
    who = replace(await principal(service.db, LIVE), workspace=shared)
    assert (await log_hash.read(service.db, who, {}, found["version"])).hash != told
    assert (await one.read(f"{here}/log-hash"))["hash"] == told, "what was kept is of other names"
    file = await one.get(f"{here}/export")
    assert file.status_code == 200, file.text
    assert [name for name in (whose, *ids) if name in file.text] == []
    fork = await one.made(f"{here}/forks", {})
    stranger = await service.application("other-team", workspace="", state="sandbox-only")
    api = await service.caller(who=stranger)
    jsonl = {"Content-Type": "application/jsonl"}
    made = answered(await api.post("/sandboxes/imports", content=file.content, headers=jsonl), 201)
    assert (await one.read(f"/sandboxes/{fork['id']}/log-hash"))["hash"] == told
    assert (await api.read(f"/sandboxes/{made['id']}/log-hash"))["hash"] == told
    events = (await (await service.client(made["key"])).read("/events", type=f"x.org_{stranger.id}.*"))["items"]
    assert [event["data"] for event in events] == [{"by": stranger.id}] * 2


def test_nothing_is_lost_where_two_names_would_be_one() -> None:
    names = {"app_1": own.SELF, "app_2": own.SELF}
    data = {"app_1": 3, "app_2": 5, "by": {"app_1": "app_2"}}
    told = own.renamed({"type": "x.org_1.y", "data": data}, names)
    assert told["data"] == {"app_1": 3, "app_2": 5, "by": {own.SELF: own.SELF}}
