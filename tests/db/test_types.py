"""Values mean the same on both databases: every test here runs on each of them and expects one result."""

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import Text, bindparam, func, select

from engage_api.db import Database, Query
from tests.db.schema import ADD, GET, item

Values = dict[str, Any]

WHEN = datetime(2026, 11, 21, 23, 59, 59, 999999, timezone(timedelta(hours=5, minutes=30)))


async def keep(database: Database, row: Values, *several: Values) -> list[Any]:
    async with database.write("w") as tx:
        for number, values in enumerate(several):
            await tx.run(ADD, **row | {"id": f"{number}"} | values)
    return [await database.one(GET, "w", workspace_id="w", id=f"{number}") for number in range(len(several))]


async def test_every_type_comes_back_as_it_was_given(database: Database, row: Values) -> None:
    given = {
        "n": 2**53 - 1,
        "at": WHEN,
        "price": Decimal("1234567890123456.78"),
        "data": {"z": [1, 2.5, None, True, "é\u2028"], "a": {"b": {}}},
        "ok": True,
        "document": b'{"a" : 1}\x00\xff',
    }
    [kept] = await keep(database, row, given)
    assert kept._asdict() == row | {"id": "0"} | given
    assert [type(value) for value in (kept.n, kept.ok, kept.document)] == [int, bool, bytes]
    assert (kept.at.utcoffset(), kept.at.microsecond) == (timedelta(0), 999999)
    assert str(kept.price) == "1234567890123456.78"


async def test_nothing_stays_nothing(database: Database, row: Values) -> None:
    [kept] = await keep(database, row, {})
    assert kept._asdict() == row | {"id": "0"}


@pytest.mark.parametrize("number", [0, 2**31, 2**53 - 1, 2**53, 2**63 - 1])
async def test_integers_of_64_bits(database: Database, row: Values, number: int) -> None:
    [kept] = await keep(database, row, {"n": number})
    assert kept.n == number


async def test_years_before_the_thousandth_and_far_ahead(database: Database, row: Values) -> None:
    moments = [datetime(1, 1, 2, tzinfo=UTC), datetime(9999, 12, 30, 23, tzinfo=UTC)]
    assert [kept.at for kept in await keep(database, row, *({"at": moment} for moment in moments))] == moments


async def test_moments_compare_and_sort_as_time_does(database: Database, row: Values) -> None:
    second = timedelta(seconds=1)
    moments = [WHEN + second, WHEN.astimezone(UTC), WHEN - second, WHEN.replace(microsecond=0), WHEN - 86400 * second]
    await keep(database, row, *({"at": moment} for moment in moments))
    since = Query(select(item.c.at).where(item.c.at >= bindparam("since")).order_by(item.c.at))
    found = await database.fetch(
        since, "w", since=WHEN.replace(microsecond=0).astimezone(timezone(-timedelta(hours=8)))
    )
    assert [kept.at for kept in found] == sorted(moments)[2:]


async def test_decimals_compare_sort_and_add_up_exactly(database: Database, row: Values) -> None:
    prices = [Decimal(text) for text in ("-0.01", "0.10", "0.20", "10.00", "9.99", "1e2")]
    kept = await keep(database, row, *({"price": price} for price in prices))
    assert [str(one.price) for one in kept] == ["-0.01", "0.10", "0.20", "10.00", "9.99", "100.00"]
    over = Query(select(item.c.price).where(item.c.price > bindparam("over")).order_by(item.c.price))
    found = await database.fetch(over, "w", over=Decimal("0.1"))
    assert [str(one.price) for one in found] == ["0.20", "9.99", "10.00", "100.00"]
    total = await database.one(Query(select(func.sum(item.c.price).label("total"))), "w")
    assert total.total == sum(prices)


async def test_booleans_compare(database: Database, row: Values) -> None:
    await keep(database, row, {"ok": True}, {"ok": False}, {"ok": None})
    query = Query(select(item.c.id).where(item.c.ok == bindparam("ok")))
    assert [(await database.one(query, "w", ok=ok)).id for ok in (True, False)] == ["0", "1"]


async def test_a_member_of_json_is_read_as_text(database: Database, row: Values) -> None:
    await keep(
        database, row, {"data": {"team": "north"}}, {"data": {"team": "süd"}}, {"data": {"team": 7}}, {"data": [1]}
    )
    member = item.c.data.op("->>", return_type=Text())
    query = Query(select(item.c.id).where(member(bindparam("key", type_=Text())) == bindparam("value")))
    literal = Query(select(item.c.id).where(member("team") == bindparam("value")))
    for value, expected in (("süd", "1"), ("north", "0")):
        assert [found.id for found in await database.fetch(query, "w", key="team", value=value)] == [expected]
        assert [found.id for found in await database.fetch(literal, "w", value=value)] == [expected]


async def test_a_whole_json_value_is_compared_with_json(database: Database, row: Values) -> None:
    await keep(database, row, {"data": [1, "a"]}, {"data": "a"})
    query = Query(select(item.c.id).where(item.c.data == bindparam("data")))
    assert [found.id for found in await database.fetch(query, "w", data=[1, "a"])] == ["0"]


async def test_nothing_sorts_where_it_is_told_to(database: Database, row: Values) -> None:
    await keep(database, row, {"n": 2}, {"n": None}, {"n": 1})
    query = Query(select(item.c.id).order_by(item.c.n.asc().nulls_last()))
    assert [found.id for found in await database.fetch(query, "w")] == ["2", "0", "1"]


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("at", datetime(2026, 11, 21)),  # noqa: DTZ001  # the mistake
        ("price", Decimal("0.001")),
        ("price", Decimal(10000000000000000)),
        ("price", Decimal("NaN")),
        ("price", Decimal("Infinity")),
        ("price", Decimal("1e30")),
        ("data", float("nan")),
    ],
)
async def test_what_a_column_cannot_keep_is_refused_before_it_is_written(
    database: Database, row: Values, column: str, value: object
) -> None:
    with pytest.raises(ValueError, match=r"offset|digits|decimal|JSON"):
        await keep(database, row, {column: value})
    assert await database.one(GET, "w", workspace_id="w", id="0") is None


async def test_raw_rows_are_the_drivers_own(database: Database, row: Values) -> None:
    await keep(database, row, {"document": b"{}"})
    query = Query(select(item.c.id, item.c.document).where(item.c.workspace_id == bindparam("workspace_id")))
    identity, document = await database.one_raw(query, "w", workspace_id="w")
    assert (identity, document, type(document)) == ("0", b"{}", bytes)
    assert [tuple(found) for found in await database.raw(query, "w", workspace_id="w")] == [("0", b"{}")]
    assert await database.one_raw(query, "x", workspace_id="x") is None
    assert await database.raw(query, "x", workspace_id="x") == []
