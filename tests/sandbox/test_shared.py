"""The sandbox that an organization gets when it is made belongs to all of its applications."""

from tests.api.harness import Service, refused
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
