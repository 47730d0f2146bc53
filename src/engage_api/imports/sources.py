"""Sources: where the values of a resource come from, and the shape in which they are put together."""

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Annotated, Any, Self
from zoneinfo import ZoneInfo

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    RootModel,
    StringConstraints,
    Tag,
    model_validator,
)

Column = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Value = str | bool | None
ORIGINS = frozenset({"column", "text", "constant", "digest"})


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ValueError, OSError, KeyError):  # names of folders, names that leave the folder, names of nothing
        raise ValueError("no time zone of this name is known here") from None
    return name


def _format(form: str) -> str:
    """`iso`, or a format that keeps the whole date."""
    if form != "iso":
        try:
            if datetime.strptime(SAMPLE.strftime(form), form).date() != SAMPLE.date():  # noqa: DTZ007  # a date alone
                raise ValueError
        except (ValueError, re.error):
            raise ValueError("no format of a time; `iso`, or one such as %Y-%m-%d %H:%M") from None
    return form


SAMPLE = datetime(2026, 11, 21, 20, 47, tzinfo=UTC)
Zone = Annotated[str, AfterValidator(_zone)]
TimeFormat = Annotated[str, AfterValidator(_format)]


class Part(BaseModel):
    """A part of a mapping: what it does not know, it refuses."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Source(Part):
    """Where one value comes from: a `column`, a `text` with `{columns}` in it, a `constant`, or a `digest` of columns.

    A column may be translated by `values` (with `otherwise` for what they do not list), read as a `time` (`iso` or
    strptime formats, in `zone` where it has no offset), or be `split` into a list. `empty` lists cells that mean
    nothing. A cell that a spreadsheet would run as a formula is refused unless `formulas` is true.
    """

    column: Column | None = None
    text: Annotated[str, StringConstraints(min_length=1, max_length=1000)] | None = None
    constant: Value = None
    digest: Annotated[list[Column], Field(min_length=1)] | None = None
    values: dict[str, Value] | None = None
    otherwise: Value = None
    time: Annotated[
        list[TimeFormat],
        BeforeValidator(lambda given: [given] if isinstance(given, str) else given),
        Field(min_length=1),
    ] = Field(default_factory=list)
    zone: Zone | None = None
    split: Annotated[str, StringConstraints(min_length=1, max_length=5)] | None = None
    empty: list[str] = Field(default_factory=list)
    formulas: bool = False

    @model_validator(mode="after")
    def _one_origin(self) -> Self:
        given = self.model_fields_set
        if len(given & ORIGINS) != 1:
            raise ValueError("give exactly one of column, text, constant and digest")
        needless = sorted(given - ORIGINS - {"empty", "formulas"})
        if needless and self.column is None:
            raise ValueError(f"{', '.join(needless)}: only a column has that")
        if len(given & {"values", "time", "split"}) > 1:
            raise ValueError("give at most one of values, time and split")
        if "otherwise" in given and self.values is None:
            raise ValueError("otherwise: only beside values")
        if self.zone and not self.time:
            raise ValueError("zone: only beside time")
        return self


def _shape(value: Any) -> str:
    if isinstance(value, list):
        return "[items]"
    if isinstance(value, dict) and not ORIGINS & value.keys():
        return "[object]"
    return "[source]"


def column(value: Any) -> Any:
    """Text alone names a column."""
    return {"column": value} if isinstance(value, str) else value


From = Annotated[Source, BeforeValidator(column)]
"""A source; text alone names a column."""


def _timed(source: Source) -> Source:
    if not source.time:
        raise ValueError("time is missing: `iso`, or the format of the column")
    return source


Timed = Annotated[From, AfterValidator(_timed)]
"""A column with a time in it."""


class Shape(
    RootModel[
        Annotated[
            Annotated[From, Tag("[source]")]
            | Annotated[dict[str, "Shape"], Tag("[object]")]
            | Annotated[list["Shape"], Tag("[items]")],
            Discriminator(_shape),
        ]
    ]
):
    """A source, or an object or a list of shapes: the form of the resource with sources in the place of values."""

    def sources(self) -> Iterator[Source]:
        """All sources in it."""
        match self.root:
            case dict() as members:
                for member in members.values():
                    yield from member.sources()
            case list() as items:
                for item in items:
                    yield from item.sources()
            case source:
                yield source

    def tree(self, leaf: Callable[[Source], Any]) -> Any:
        """Its objects and lists as Python's own, with what `leaf` makes of the sources."""
        match self.root:
            case dict() as members:
                return {name: member.tree(leaf) for name, member in members.items()}
            case list() as items:
                return [item.tree(leaf) for item in items]
            case source:
                return leaf(source)
