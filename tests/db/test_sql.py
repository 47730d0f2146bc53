"""Statements: what is compiled once, and what is refused because it cannot be."""

import importlib
import sys
from typing import Any

import pytest
from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    Float,
    Integer,
    LargeBinary,
    MetaData,
    Numeric,
    SmallInteger,
    Table,
    Text,
    bindparam,
    delete,
    insert,
    literal,
    select,
    text,
    update,
)

from engage_api.db import Query
from tests.db.schema import item

other = Table(
    "other",
    MetaData(),
    Column("id", Text, primary_key=True),
    Column("computed", Text, default="x", onupdate="y"),
    Column("narrow", Integer),
    Column("small", SmallInteger),
    Column("moment", DateTime(timezone=True)),
    Column("amount", Numeric(18, 2)),
    Column("score", Float),
)


def test_a_limit_takes_its_name_on_both() -> None:
    """SQLite's LIMIT comes with an OFFSET of the compiler's own."""
    query = Query(select(item.c.id).where(item.c.n > bindparam("n")).limit(bindparam("limit")))
    values = {"n": 1, "limit": 5, "more": "is ignored"}
    assert "OFFSET ?" in query.sqlite.sql
    assert (query.sqlite.arguments(values), query.postgres.arguments(values)) == ([1, 5, 0], [1, 5])
    assert query.sqlite.names == query.postgres.names == {"n", "limit"}


def test_a_name_may_be_used_twice() -> None:
    same = bindparam("same", type_=Text())
    query = Query(select(item.c.id).where((item.c.id == same) | (item.c.parent == same)))
    assert (query.sqlite.arguments({"same": "a"}), query.postgres.arguments({"same": "a"})) == (["a", "a"], ["a"])


@pytest.mark.parametrize(
    ("statement", "tables"),
    [
        (select(item.c.id).where(item.c.id.in_(select(other.c.id))), {"item", "other"}),
        (delete(item).where(item.c.id == bindparam("id")), {"item"}),
        (select(literal(1)), set()),
        (select(item.c.id).where(text("EXISTS (SELECT 1 FROM other)")), None),
        (text("SELECT 1 FROM other"), None),
        (insert(item), None),
        (update(item).values(n=1), None),
    ],
)
def test_what_a_statement_looks_at(statement: Any, tables: set[str] | None) -> None:
    assert Query(statement).looks_at == tables
    assert Query(select(literal(1)), postgres=statement).looks_at == tables, "on either database"


def test_a_missing_value_is_the_callers_mistake() -> None:
    with pytest.raises(KeyError, match="id"):
        Query(select(item.c.n).where(item.c.id == bindparam("id"))).sqlite.arguments({"n": 1})


def test_values_that_the_statement_holds_need_not_be_given() -> None:
    query = Query(select(item.c.id).where(item.c.n > 7, item.c.id == bindparam("id")))
    assert query.sqlite.arguments({"id": "a"}) == query.postgres.arguments({"id": "a"}) == [7, "a"]


def test_rows_have_the_names_of_their_columns() -> None:
    plan = Query(select(item.c.id, item.c.ok.label("fine"), literal("x").label("mark"))).sqlite
    [row] = plan.rows([("a", 1, "x")])
    assert (row.id, row.fine, row.mark) == ("a", True, "x")
    assert plan.row(("a", None, "x")) == ("a", None, "x")


def test_a_statement_without_columns_gives_tuples() -> None:
    plan = Query(text("SELECT 1, 2")).sqlite
    assert plan.rows([[1, 2]]) == [(1, 2)]
    assert plan.row([1, 2]) == (1, 2)


def test_documents_are_not_touched_on_their_way_out() -> None:
    document = memoryview(b"{}")
    for plan in (Query(select(item.c.document)).sqlite, Query(select(item.c.document)).postgres):
        assert plan.row((document,))[0] is document


def test_another_statement_for_postgresql_takes_the_same_parameters() -> None:
    ours = select(item.c.id).where(item.c.id == bindparam("id"))
    query = Query(ours, postgres=select(item.c.id).where(item.c.parent == bindparam("id")))
    assert ("item.id = ?" in query.sqlite.sql, "item.parent = $1" in query.postgres.sql) == (True, True)
    with pytest.raises(ValueError, match=r"same parameters.*: id, parent"):
        Query(ours, postgres=select(item.c.id).where(item.c.parent == bindparam("parent"))).check()


@pytest.mark.parametrize(
    "statement",
    [
        select(item.c.id).where(item.c.id.in_(bindparam("several", expanding=True))),
        select(item.c.id).where(item.c.id.in_(["a", "b"])),
        select(item.c.id).where(item.c.id == bindparam("id", literal_execute=True)),
    ],
)
def test_lists_and_late_literals_are_refused(statement: Any) -> None:
    with pytest.raises(ValueError, match="a list cannot be a parameter"):
        Query(statement).check()


@pytest.mark.parametrize("statement", [insert(other), update(other)])
def test_defaults_that_python_would_compute_are_refused(statement: Any) -> None:
    with pytest.raises(ValueError, match=r"give a value.*other\.computed"):
        Query(statement, ["id"]).check()


def test_a_computed_column_may_be_given() -> None:
    assert Query(insert(other), ["id", "computed"]).sqlite.arguments({"id": 1, "computed": 2}) == [1, 2]


@pytest.mark.parametrize("column", [other.c.moment, other.c.amount])
def test_types_that_differ_between_the_databases_are_refused(column: Column[Any]) -> None:
    for statement in (select(column), select(other.c.id).where(column == bindparam("value"))):
        with pytest.raises(TypeError, match="use Instant or Exact"):
            Query(statement).check()


def test_integers_are_wide_or_small_on_purpose() -> None:
    with pytest.raises(TypeError, match="parameter narrow: use BigInteger"):
        Query(insert(other), ["id", "computed", "narrow"]).check()
    Query(insert(other), ["id", "computed", "small"]).check()
    Query(select(other.c.narrow, other.c.score).where(item.c.n == bindparam("n", type_=BigInteger()))).check()


def test_bytes_go_in_as_they_are() -> None:
    query = Query(insert(item), ["workspace_id", "id", "document"])
    values = {"workspace_id": "w", "id": "a", "document": b"{}"}
    assert query.postgres.arguments(values) == query.sqlite.arguments(values) == ["w", "a", b"{}"]
    assert isinstance(item.c.document.type, LargeBinary)


def test_every_statement_of_the_package_can_be_compiled_for_both_databases() -> None:
    """Nothing is compiled before it is used, so nothing else would tell before somebody uses it."""
    importlib.import_module("engage_api.app")
    found = [
        (module, name, value)
        for module, loaded in sorted(sys.modules.items())
        if module.startswith("engage_api.")
        for name, value in vars(loaded).items()
        if isinstance(value, Query)
    ]
    assert len(found) > 100
    wrong = []
    for module, name, query in found:
        try:
            query.check()
        except (TypeError, ValueError) as error:
            wrong.append(f"{module}.{name}: {error}")
    assert not wrong, "\n".join(wrong)
