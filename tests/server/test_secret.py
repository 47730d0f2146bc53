"""A database knows the secret that it was begun with."""

import asyncio
from pathlib import Path

import pytest

from engage_api.access import seal
from engage_api.db import Database
from engage_api.settings import Misconfigured
from tests.server.command import engage

SECRET, ANOTHER = "correct horse battery staple 0123456789", "wrong horse battery staple 0123456789"


async def test_another_secret_is_refused_until_it_takes_the_place_of_the_first(database: Database) -> None:
    first, other = SECRET.encode(), ANOTHER.encode()
    await asyncio.gather(*(seal.require_same(database, first) for _ in range(5)))
    with pytest.raises(Misconfigured, match="is not the one that this database was begun with"):
        await seal.require_same(database, other)
    await seal.replace(database, other)
    await seal.require_same(database, other)
    with pytest.raises(Misconfigured):
        await seal.require_same(database, first)


def test_at_the_command_line_it_is_told_at_once_and_a_lost_one_can_be_replaced(migrated: Path) -> None:
    create = ("keys", "create", "--scopes", "*")
    assert engage(migrated, *create, ENGAGE_SECRET_KEY=SECRET).returncode == 0
    for words in (("serve", "--port", "0"), ("worker",)):
        refused = engage(migrated, *words, ENGAGE_SECRET_KEY=ANOTHER)
        assert (refused.returncode, refused.stdout) == (1, "")
        assert "is not the one that this database was begun with" in refused.stderr
        assert SECRET not in refused.stderr
        assert ANOTHER not in refused.stderr
    assert engage(migrated, "reseal", ENGAGE_SECRET_KEY=ANOTHER).returncode == 1, "nobody said yes"
    assert engage(migrated, "reseal", "--yes", ENGAGE_SECRET_KEY=ANOTHER).returncode == 0
    assert engage(migrated, *create, ENGAGE_SECRET_KEY=ANOTHER).returncode == 0
