"""Calls of operations that write, each of which would succeed."""

from tests.api.harness import Client, Service
from tests.api.samples import Body
from tests.people import add_member

Write = tuple[str, str, Body | bytes | None]


async def writes_of_sandboxes(api: Client) -> list[Write]:
    """The same for sandboxes, and for what is tried in them; faults that are set have no event."""
    at = [f"/sandboxes/{(await api.made('/sandboxes', {'size': 'empty'}))['id']}" for _ in range(3)]
    rules = {"rules": [{"fault": "status=503", "times": 1}]}
    assert (await api.put(f"{at[2]}/faults", json=rules)).is_success
    return [
        ("POST", "/sandboxes", {"size": "empty"}),
        ("PATCH", at[0], {"name": "B"}),
        ("DELETE", at[1], None),
        ("PUT", f"{at[0]}/faults", rules),
        ("DELETE", f"{at[2]}/faults", None),
        ("PATCH", f"{at[0]}/clock", {"mode": "frozen"}),
        ("POST", f"{at[0]}/clock/advances", {"by": "P1D"}),
        ("POST", f"{at[0]}/scenario-runs", {"scenario": "permit-late"}),
        ("POST", f"{at[0]}/events/_simulate", {"type": "engage.case.delivered.v1"}),
    ]


async def writes_of_copies(api: Client) -> list[Write]:
    """The same for copies of sandboxes, and for files of them."""
    at = [f"/sandboxes/{(await api.made('/sandboxes', {'size': 'empty'}))['id']}" for _ in range(3)]
    taken = [(await api.made(f"{at[2]}/snapshots", {}))["id"] for _ in range(2)]
    file = (await api.get(f"{at[1]}/export")).content
    return [
        ("POST", f"{at[0]}/resets", {}),
        ("POST", f"{at[1]}/forks", {}),
        ("POST", f"{at[1]}/snapshots", {}),
        ("POST", f"{at[2]}/restorations", {"snapshotId": taken[0]}),
        ("DELETE", f"{at[2]}/snapshots/{taken[1]}", None),
        ("POST", "/sandboxes/imports", file),
    ]


async def writes_of_people(service: Service, api: Client) -> list[Write]:
    """The same for members and invitations."""
    organization = (await api.made("/organizations", {"name": "A", "kind": "partner"}))["id"]
    invitations, workspace = f"/organizations/{organization}/invitations", service.world.operator.workspace
    members = [await add_member(service.db, organization, "viewer", workspace) for _ in range(2)]
    invited = await api.made(invitations, {"email": "ada@example.org", "role": "viewer"})
    return [
        ("PATCH", f"/members/{members[0]}", {"role": "developer"}),
        ("DELETE", f"/members/{members[1]}", None),
        ("POST", invitations, {"email": "grace@example.org", "role": "viewer"}),
        ("DELETE", f"/invitations/{invited['id']}", None),
    ]
