"""Long work keeps nobody waiting for long."""

import asyncio
import threading
from collections.abc import Iterator
from itertools import islice

import pytest

from engage_api.access.worlds import LIVE
from engage_api.db import Database
from engage_api.db.story import Setting, Step
from engage_api.sandbox import own, seeding
from tests.api.harness import Service
from tests.sandbox import clockwork
from tests.sandbox.stories import sandbox


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_who_waits_to_write_has_a_turn_amid_a_portion(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(seeding, "LONGEST", 60.0)
    monkeypatch.setattr(seeding, "PORTION", 0.01)
    one, far = await sandbox(database, "one"), []

    async def note(done: int, _: int) -> None:
        far.append(done)

    seeded = asyncio.create_task(seeding.seed(database, one, "small", note=note))
    for _ in range(3):
        await asyncio.sleep(0.02)
        async with database.write(LIVE):
            pass
    assert not seeded.done()
    await seeded
    assert len(far) > 3, "it went on until somebody came"


async def test_a_story_that_breaks_off_is_not_over(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever drew the step that was not there: the player, or what tells ahead."""
    told = seeding.told

    def broken(setting: Setting) -> Iterator[Step]:
        yield from islice(told(setting), 300)
        raise LookupError("nobody knows how it goes on")

    monkeypatch.setattr(seeding, "told", broken)
    who = await sandbox(database, "one")
    with pytest.raises(LookupError, match="goes on"):
        await seeding.seed(database, who, "small")


async def test_nothing_is_told_when_all_is() -> None:
    async with seeding._Ahead(iter(())) as steps:
        await asyncio.sleep(0.01)
        assert steps._task.done(), "it looks for more all the time"


async def test_the_lines_of_a_file_are_not_made_in_the_loop(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    box, where, line = await clockwork.sandbox(service, size="tiny"), set(), own.line

    def noted(raw: bytes, others: own.Names) -> bytes:
        where.add(threading.get_ident())
        return line(raw, others)

    monkeypatch.setattr(own, "line", noted)
    file = await box.client.get(f"/sandboxes/{box.id}/export")
    assert file.status_code == 200
    assert where
    assert threading.get_ident() not in where
