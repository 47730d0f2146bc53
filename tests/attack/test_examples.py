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
        answer = await world.send(operation, operation.example)
        assert answer.status < 300, answer.body
