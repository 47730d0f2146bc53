"""Every request that the description shows works as it stands."""

import pytest

from tests.attack.catalogue import Operation, writes
from tests.attack.world import World
from tests.running import service


@pytest.mark.parametrize("operation", [one for one in writes() if one.schema], ids=repr)
async def test_the_example_works(sqlite_url: str, operation: Operation) -> None:
    async with service(sqlite_url) as running:
        world = World(running, await running.key())
        await world.fill()
        example = operation.example
        if operation.name == "create_application":  # of an organization that is there
            example |= {"organizationId": world.ids["organization_id"]}
        elif operation.name == "transition_organization":  # ours is approved
            example |= {"to": "suspended"}
        elif operation.name == "restore_sandbox":  # to a snapshot that is there
            example |= {"snapshotId": world.ids["snapshot_id"]}
        answer = await world.send(operation, example, [("Content-Type", operation.type)])
        assert answer.status < 300, answer.body
