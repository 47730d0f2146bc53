"""Statements: written once in SQLAlchemy Core, compiled once for the database that is used, run on its driver."""

from collections import namedtuple
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from sqlalchemy import (
    BigInteger,
    DateTime,
    Delete,
    Dialect,
    Executable,
    Float,
    Integer,
    LargeBinary,
    Numeric,
    Select,
    SmallInteger,
    TableClause,
    TextClause,
)
from sqlalchemy.dialects.postgresql import asyncpg as _postgres
from sqlalchemy.dialects.sqlite import pysqlite as _sqlite
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.visitors import iterate
from sqlalchemy.types import TypeEngine

Convert = Callable[[Any], Any]

SQLITE: Dialect = _sqlite.dialect()
POSTGRES: Dialect = _postgres.dialect()  # type: ignore[no-untyped-call]


class Plan:
    """A statement as one driver takes it: `sql`, the order of its parameters, conversions in and out.

    `names` are the parameters that a caller gives. ValueError for what cannot be compiled once and for all (a list for
    `IN`, a default that Python would compute); TypeError for a column type that differs between the databases.
    """

    __slots__ = ("_fixed", "_into", "_make", "_order", "_out", "names", "sql")

    def __init__(self, statement: Executable, dialect: Dialect, columns: Sequence[str] | None) -> None:
        compiled = statement.compile(dialect=dialect, column_keys=columns)  # type: ignore[attr-defined]  # all but DDL
        _refuse_late(compiled)
        self.sql = str(compiled)
        # Names as the compiler placed them: SQLite's LIMIT brings an OFFSET that no bind of ours names.
        self._order = tuple(compiled.positiontup or ())
        binds = {name: compiled.binds[name] for name in self._order}
        self.names = frozenset(name for name, bind in binds.items() if bind.required)
        self._fixed = {name: bind.value for name, bind in binds.items() if not bind.required}
        for name in self.names:
            _refuse_small(name, binds[name].type)
        self._into = _wanted(_way_in(binds[name].type, dialect) for name in self._order)
        shown = list(getattr(statement, "exported_columns", None) or ())
        self._out = _wanted(_way_out(column.type, dialect) for column in shown)
        self._make: Convert = _named(c.key for c in shown) if shown else tuple

    def arguments(self, values: dict[str, Any]) -> list[Any]:
        """The driver's parameters. KeyError when one is missing; names that the statement does not know are ignored."""
        if self._fixed:
            values = self._fixed | values
        arguments = [values[name] for name in self._order]
        for at, convert in self._into:
            arguments[at] = convert(arguments[at])
        return arguments

    def row(self, raw: Sequence[Any]) -> Any:
        """A driver's row as a named tuple with Python's own types."""
        if self._out:
            converted = list(raw)
            for at, convert in self._out:
                converted[at] = convert(converted[at])
            raw = converted
        return self._make(raw)

    def rows(self, raws: Iterable[Sequence[Any]]) -> list[Any]:
        return list(map(self.row if self._out else self._make, raws))


class Query:
    """A statement, written when its module is imported: `Query(select(…).where(table.c.id == bindparam("id")))`.

    It is compiled for a database at its first use there, so a start waits for no statement, and nobody for those of the
    other database. `columns` names the values of an INSERT or UPDATE whose statement does not. `postgres` is another
    statement with the same parameters, where PostgreSQL has its own way (full-text search).
    """

    __slots__ = ("_columns", "_ours", "_theirs", "looks_at", "postgres", "sqlite")
    looks_at: frozenset[str] | None
    sqlite: Plan
    postgres: Plan

    def __init__(
        self, statement: Executable, columns: Iterable[str] | None = None, *, postgres: Executable | None = None
    ) -> None:
        self._columns = None if columns is None else list(columns)
        self._ours = statement
        self._theirs = statement if postgres is None else postgres

    def __getattr__(self, name: str) -> Any:
        """The plan of one database, or the tables that it `looks_at` and changes no other (None: it does, or may do),
        asked for the first time.
        """
        if name == "sqlite":
            self.sqlite = plan = Plan(self._ours, SQLITE, self._columns)
        elif name == "postgres":
            self.postgres = plan = Plan(self._theirs, POSTGRES, self._columns)
        elif name == "looks_at":
            self.looks_at = tables = _tables(self._ours, self._theirs)
            return tables
        else:
            raise AttributeError(name)
        return plan

    def check(self) -> None:
        """Compile for both databases, as a test does with every statement there is.

        Raises:
            ValueError: one of them cannot be compiled, or they take other parameters.
            TypeError: a column type differs between the databases.
        """
        if self.sqlite.names != self.postgres.names:
            differing = ", ".join(sorted(self.sqlite.names ^ self.postgres.names))
            raise ValueError(f"the two statements must take the same parameters, these differ: {differing}")


def _tables(*statements: Any) -> frozenset[str] | None:
    if not all(isinstance(statement, Select | Delete) for statement in statements):
        return None
    parts = [part for statement in statements for part in iterate(statement)]
    if any(isinstance(part, TextClause) for part in parts):
        return None
    return frozenset(part.name for part in parts if isinstance(part, TableClause))


def _refuse_late(compiled: SQLCompiler) -> None:
    """What SQLAlchemy would fill in at execution never reaches a driver from here."""
    late = compiled.post_compile_params | compiled.literal_execute_params
    if late:
        raise ValueError(f"a list cannot be a parameter of a prepared statement: {sorted(bind.key for bind in late)}")
    computed = [*compiled.insert_prefetch, *compiled.update_prefetch]
    if computed:
        raise ValueError(f"give a value, Python's defaults do not run here: {[str(column) for column in computed]}")


def _refuse_small(name: str, kind: TypeEngine[Any]) -> None:
    """SQLite keeps 2^53 in any integer column; PostgreSQL would refuse it in a narrow one."""
    if isinstance(kind, Integer) and not isinstance(kind, BigInteger | SmallInteger):
        raise TypeError(f"parameter {name}: use BigInteger, or SmallInteger for what stays small")


def _refuse_foreign(kind: TypeEngine[Any]) -> None:
    if isinstance(kind, DateTime | Numeric):
        raise TypeError(f"{kind!r} differs between the databases: use Instant or Exact")


def _way_in(kind: TypeEngine[Any], dialect: Dialect) -> Convert | None:
    _refuse_foreign(kind)
    return kind.dialect_impl(dialect).bind_processor(dialect)


def _way_out(kind: TypeEngine[Any], dialect: Dialect) -> Convert | None:
    _refuse_foreign(kind)
    if isinstance(kind, LargeBinary | Float):  # both drivers answer Python's own
        return None
    return kind.dialect_impl(dialect).result_processor(dialect, None)


def _named(keys: Iterable[str]) -> Convert:
    make: Convert = namedtuple("Row", list(keys))._make  # type: ignore[attr-defined]  # noqa: PYI024  # made at run time
    return make


def _wanted(found: Iterable[Convert | None]) -> list[tuple[int, Convert]]:
    return [(at, convert) for at, convert in enumerate(found) if convert is not None]
