"""Every statement that is executed, and whether each workspace table in it is held to the caller's workspace."""

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from sqlmodel import SQLModel

from engage_api.db.postgres import Postgres, PostgresTransaction
from engage_api.db.sqlite import Sqlite
from engage_api.db.sqlite_transaction import SqliteTransaction

PACKAGE = Path(sys.modules["engage_api"].__file__ or "").parent
_TEXT = re.compile(r"'(?:[^']|'')*'")
_TABLE = re.compile(
    r'\b(?:FROM|JOIN|UPDATE|INTO)\s+((?:"?\w+"?(?:\s+AS\s+\w+)?)(?:\s*,\s*"?\w+"?(?:\s+AS\s+\w+)?)*)', re.IGNORECASE
)
_NAMED = re.compile(r'"?(\w+)"?(?:\s+AS\s+(\w+))?', re.IGNORECASE)
_SIDE = r'(?:"?(\w+)"?\.)?workspace_id'
_HELD = re.compile(rf"{_SIDE}\s*=\s*(\?|\$(\d+))", re.IGNORECASE)
_SAME = re.compile(rf"{_SIDE}\s*=\s*{_SIDE}", re.IGNORECASE)
_INSERT = re.compile(
    r"INSERT\s+(?:OR\s+REPLACE\s+)?INTO\s+\"?(\w+)\"?\s*\(([^)]*)\)\s*(?:VALUES\s*\(|SELECT\s+)(.*?)(?=\)|\sFROM\s)",
    re.IGNORECASE | re.DOTALL,
)
_PARAMETER = re.compile(r"\?|\$(\d+)")


def workspace_tables() -> frozenset[str]:
    """The tables whose rows belong to a workspace."""
    return frozenset(name for name, table in SQLModel.metadata.tables.items() if "workspace_id" in table.c)


@dataclass(frozen=True)
class Statement:
    """One execution: the text, what was given, where the caller stood, and which of our modules it came from."""

    sql: str
    arguments: tuple[Any, ...]
    wall: str | None
    system: bool
    modules: frozenset[str]


def violations(statement: Statement, across: frozenset[str], tables: frozenset[str]) -> list[str]:
    """What is wrong with a statement. `across` may look at all workspaces, as `engage_system` where there are roles."""
    sql = _TEXT.sub("''", statement.sql)
    used = [(table, alias or table) for table, alias in _tables(sql) if table in tables]
    if not used or (statement.system and statement.modules & across):
        return []
    if statement.wall is None:
        return [f"no wall: {sql}"]
    held, values = _compared(sql, statement.arguments)
    for insert in _INSERT.finditer(sql):
        into, given = _inserted(insert, sql, statement.arguments)
        held, values = held - {insert[1]} | into, values + given
    found = [f"{alias} is held to no workspace: {sql}" for _, alias in used if alias not in held]
    return found + [
        f"held to another workspace than the caller's: {sql}" for value in values if value != statement.wall
    ]


def _tables(sql: str) -> Iterator[tuple[str, str | None]]:
    for several in _TABLE.finditer(sql):
        for one in several[1].split(","):
            named = _NAMED.match(one.strip())
            if named:
                yield named[1], named[2]


def _inserted(insert: re.Match[str], sql: str, arguments: tuple[Any, ...]) -> tuple[set[str], list[Any]]:
    names = [name.strip(' "') for name in insert[2].split(",")]
    if "workspace_id" not in names:
        return set(), []
    parameter = insert[3].split(",")[names.index("workspace_id")]
    before = sql[: insert.start(3) + insert[3].index(parameter)]
    return {insert[1]}, [_argument(_PARAMETER.search(parameter), before, arguments)]


def _compared(sql: str, arguments: tuple[Any, ...]) -> tuple[set[str], list[Any]]:
    """Names that are compared with a parameter, also by way of another name; and the values compared with."""
    only = [alias or table for table, alias in _tables(sql)]
    held: set[str] = set()
    values = []
    for found in _HELD.finditer(sql):
        held |= {found[1]} if found[1] else set(only[:1])
        values.append(_argument(_PARAMETER.search(found[2]), sql[: found.start(2)], arguments))
    pairs = [(one[1], one[2]) for one in _SAME.finditer(sql)]
    for _ in pairs:
        for one, other in pairs:
            held |= {one, other} if held & {one, other} else set()
    return held, values


def _argument(parameter: re.Match[str] | None, before: str, arguments: tuple[Any, ...]) -> Any:
    if parameter is None:
        return None
    return arguments[int(parameter[1]) - 1 if parameter[1] else before.count("?")]


@contextmanager
def watched() -> Iterator[list[Statement]]:
    """Collects what is executed on either database, in this process."""
    seen: list[Statement] = []
    with pytest.MonkeyPatch.context() as patch:
        _watch_sqlite(patch, seen)
        _watch_postgres(patch, seen)
        yield seen


def _watch_sqlite(patch: pytest.MonkeyPatch, seen: list[Statement]) -> None:
    def reading(real: Any) -> Any:
        async def read(db: Sqlite, query: Any, wall: str | None, /, **values: Any) -> Any:
            arguments = tuple(query.sqlite.arguments(values))
            seen.append(Statement(query.sqlite.sql, arguments, wall, system=True, modules=_modules()))
            return await real(db, query, wall, **values)

        return read

    execute, late = SqliteTransaction._execute, SqliteTransaction.late

    def executing(tx: SqliteTransaction, query: Any, values: dict[str, Any]) -> Any:
        arguments = tuple(query.sqlite.arguments(values))
        seen.append(Statement(query.sqlite.sql, arguments, tx.wall, system=True, modules=_modules()))
        return execute(tx, query, values)

    async def waiting(tx: SqliteTransaction, query: Any, /, **values: Any) -> None:
        arguments = tuple(query.sqlite.arguments(values))
        seen.append(Statement(query.sqlite.sql, arguments, tx.wall, system=True, modules=_modules()))
        await late(tx, query, **values)

    for name in ("raw", "one_raw"):
        patch.setattr(Sqlite, name, reading(getattr(Sqlite, name)))
    patch.setattr(SqliteTransaction, "_execute", executing)
    patch.setattr(SqliteTransaction, "late", waiting)


def _watch_postgres(patch: pytest.MonkeyPatch, seen: list[Statement]) -> None:
    read, do = Postgres._read, PostgresTransaction._do

    async def reading(db: Postgres, method: Any, wall: str | None, sql: str, arguments: list[Any]) -> Any:
        seen.append(Statement(sql, tuple(arguments), wall, system=db.system is db, modules=_modules()))
        return await read(db, method, wall, sql, arguments)

    async def doing(tx: PostgresTransaction, method: Any, sql: str, *arguments: Any) -> Any:
        several = arguments[0] if method.__name__ == "executemany" else [arguments]
        modules = _modules()
        seen.extend(Statement(sql, tuple(one), tx.wall, system=tx.wall is None, modules=modules) for one in several)
        return await do(tx, method, sql, *arguments)

    patch.setattr(Postgres, "_read", reading)
    patch.setattr(PostgresTransaction, "_do", doing)


def _modules() -> frozenset[str]:
    """Our modules that are at work on this call, as the rules of the house name them."""
    frames: FrameType | None = sys._getframe(1)
    found = set()
    while frames is not None:
        path = Path(frames.f_code.co_filename)
        if path.is_relative_to(PACKAGE):
            found.add(path.relative_to(PACKAGE).as_posix())
        frames = frames.f_back
    return frozenset(found)
