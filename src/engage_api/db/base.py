"""Column types that mean the same on SQLite and PostgreSQL, to the digit and to the microsecond.

SQLAlchemy's own `DateTime` drops the offset on SQLite and its `Numeric` goes through a float there, so statements that
use them are refused (`sql.Query`); these take their place.
"""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Any

from sqlalchemy import BigInteger, DateTime, Dialect, Numeric, Text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.sql.operators import OperatorType
from sqlalchemy.types import TypeDecorator, TypeEngine
from sqlmodel import SQLModel

DIGITS = 18  # of an exact decimal, before and after the point together: they fit a 64-bit integer

AnyType = TypeEngine[Any]

SQLModel.model_config["defer_build"] = True  # a class is its table: nobody validates with it


class Instant(TypeDecorator[datetime]):
    """A moment with its offset, kept to the microsecond and answered in UTC.

    PostgreSQL: `timestamptz`. SQLite: text of one width (`2026-11-21T20:47:00.000000Z`), so that it sorts as time does.
    ValueError for a moment without an offset.
    """

    impl = DateTime(timezone=True)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> AnyType:
        return dialect.type_descriptor(Text() if dialect.name == "sqlite" else DateTime(timezone=True))

    def bind_processor(self, dialect: Dialect) -> Callable[[datetime | None], Any]:
        return _moment_to_text if dialect.name == "sqlite" else _moment_to_utc

    def result_processor(
        self,
        dialect: Dialect,
        coltype: object,  # noqa: ARG002  # SQLAlchemy's signature, here and below
    ) -> Callable[[Any], datetime | None]:
        return _moment_from_text if dialect.name == "sqlite" else _moment_from_postgres


def _moment_to_utc(value: datetime | None) -> datetime | None:
    if value is None:
        return None
    if value.tzinfo is None:
        raise ValueError("a moment needs its offset")
    return value if value.tzinfo is UTC else value.astimezone(UTC)


@lru_cache(maxsize=256)  # what is written together was at one moment, which stands in many columns
def _moment_to_text(value: datetime | None) -> str | None:
    moment = _moment_to_utc(value)
    return None if moment is None else moment.isoformat(timespec="microseconds")[:26] + "Z"


def _moment_from_postgres(value: datetime | None) -> datetime | None:
    """The driver keeps the very first moment of the calendar as `-infinity`, and forgets its offset."""
    return value.replace(tzinfo=UTC) if value is not None and value.tzinfo is None else value


def _moment_from_text(value: str | None) -> datetime | None:
    return None if value is None else datetime.fromisoformat(value)


class Exact(TypeDecorator[Decimal]):
    """An exact decimal of a fixed scale, at most 18 digits in all.

    PostgreSQL: `numeric(18, scale)`. SQLite has no such type and keeps the number of smallest units (cents).
    ValueError for a value with more digits than the column keeps, and for NaN and infinities.
    """

    impl = Numeric
    cache_ok = True

    def __init__(self, scale: int = 2) -> None:
        super().__init__(precision=DIGITS, scale=scale)
        self.scale = scale

    def load_dialect_impl(self, dialect: Dialect) -> AnyType:
        return dialect.type_descriptor(BigInteger() if dialect.name == "sqlite" else Numeric(DIGITS, self.scale))

    def bind_processor(self, dialect: Dialect) -> Callable[[Decimal | None], Any]:
        scale, unit, units = self.scale, Decimal(1).scaleb(-self.scale), dialect.name == "sqlite"

        def bind(value: Decimal | None) -> Decimal | int | None:
            if value is None:
                return None
            try:
                exact = value.quantize(unit)
            except InvalidOperation:
                raise ValueError("not a decimal number that the column can keep") from None
            if exact != value or exact.adjusted() >= DIGITS - scale:
                raise ValueError(f"more digits than the column keeps: {DIGITS} in all, {scale} after the point")
            return int(exact.scaleb(scale)) if units else exact

        return bind

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], Decimal | None]:  # noqa: ARG002
        scale, unit, units = self.scale, Decimal(1).scaleb(-self.scale), dialect.name == "sqlite"

        def result(value: Any) -> Decimal | None:
            if value is None:
                return None
            return Decimal(value).scaleb(-scale) if units else Decimal(value).quantize(unit)

        return result


class Json(TypeDecorator[Any]):
    """A JSON value for small structured columns. PostgreSQL: `jsonb`. SQLite: text. None is SQL's NULL.

    Never for `document`: jsonb reorders keys, and a document's bytes are exact (`LargeBinary`).
    `column.op("->>", return_type=Text())(bindparam("key", type_=Text()))` reads one member as text on both.
    """

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> AnyType:
        return dialect.type_descriptor(Text() if dialect.name == "sqlite" else JSONB())

    def coerce_compared_value(self, op: OperatorType | None, value: Any) -> AnyType:  # noqa: ARG002
        """A key beside `->` is text, not JSON; what is compared with the whole value is JSON."""
        return Text() if getattr(op, "opstring", "") in {"->", "->>"} else self

    def bind_processor(self, dialect: Dialect) -> Callable[[Any], str | None]:  # noqa: ARG002
        return _json_to_text

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], Any]:  # noqa: ARG002
        return _json_from_text


def _json_to_text(value: Any) -> str | None:
    return None if value is None else json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def _json_from_text(value: str | None) -> Any:
    return None if value is None else json.loads(value)
