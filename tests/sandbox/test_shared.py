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
    await own.made("/sandboxes", EMPTY)
    assert len(await own.ids("/sandboxes", search="bouw")) == 1
    assert found["id"] not in await (await arrive(service)).ids("/sandboxes"), "of another organization"
    refused(await own.delete(f"/sandboxes/{found['id']}", headers={"If-Match": "*"}), 409, "sandbox-kept")
    assert (await operator.delete(f"/sandboxes/{found['id']}", headers={"If-Match": "*"})).status_code == 204
    refused(await own.get("/sandboxes"), 401, "unauthenticated")
