"""Addresses of databases."""

from pathlib import Path

import pytest

from engage_api.db import open_database
from engage_api.db.postgres import Postgres
from tests.db.schema import GET_PLAN, build


async def test_a_file_is_made_with_its_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for url, path in (
        ("sqlite:///here.db", tmp_path / "here.db"),
        ("sqlite:///var/data/there.db", tmp_path / "var/data/there.db"),
        (f"sqlite:///{tmp_path}/a/b/c.db", tmp_path / "a/b/c.db"),
    ):
        database = await open_database(url)
        assert (database.dialect, path.exists()) == ("sqlite", True)  # a look at a small folder
        await database.close()


async def test_postgresql_has_two_names(postgres_url: str) -> None:
    for url in (postgres_url, postgres_url.replace("postgresql://", "postgres://")):
        database = await open_database(url, size=2)
        assert isinstance(database, Postgres)
        assert await database.one(GET_PLAN, None, id="none") is None
        await database.close()


@pytest.mark.parametrize(
    "url", ["", "here.db", "sqlite://here.db", "sqlite:///", "sqlite:///:memory:", "mysql://host/name", "postgresql"]
)
async def test_any_other_address_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="a database is"):
        await open_database(url)


async def test_a_file_may_be_opened_again(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/again.db"
    build(url)
    for _ in range(2):
        database = await open_database(url)
        assert await database.one(GET_PLAN, None, id="none") is None
        await database.close()
