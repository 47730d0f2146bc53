"""What goes from room to room of an import: a line that was read, what it wants, why it is refused."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, NamedTuple, Protocol

from engage_api.core.principal import Principal
from engage_api.db.engine import Database, Transaction


class Misuse(Exception):
    """The import cannot begin: the mapping or the file as a whole will not do. The text says why, in one line."""


class Row(NamedTuple):
    """A record of a file, with the number of the line that it begins on (the first line is 1)."""

    line: int
    cells: Sequence[str]


@dataclass(frozen=True, slots=True)
class Refusal:
    """One thing that is wrong with a line, never with the value itself: it may be somebody's.

    `column` is the column's name in the file; `pointer` the place in the resource (JSON Pointer, RFC 6901).
    """

    code: str
    detail: str
    column: str | None = None
    pointer: str | None = None

    def as_json(self, line: int) -> dict[str, Any]:
        """A line of the report."""
        named = {"column": self.column, "pointer": self.pointer}
        given = {name: text for name, text in named.items() if text is not None}
        return {"line": line, **given, "code": self.code, "detail": self.detail}

    def __str__(self) -> str:
        place = self.column or self.pointer
        return f"{place}: {self.detail}" if place else self.detail


class Refused(Exception):
    """A line that is not imported, with everything that is wrong with it."""

    def __init__(self, refusals: Sequence[Refusal]) -> None:
        super().__init__("; ".join(map(str, refusals)))
        self.refusals = tuple(refusals)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a line says about one resource of a kind (`case`), which has `key` as its external id.

    `fields` are all validated values by field name; `told` names those that the mapping speaks of, and `keys` the
    metadata it speaks of: whatever else the resource has is left alone. A new resource is made as `begins`, at `since`;
    it is to reach `state`, which happened at `at`. `customer` is the external id of the customer it belongs to, and
    `said` a digest of the cells.
    """

    kind: str
    key: str
    fields: Mapping[str, Any]
    told: frozenset[str]
    keys: frozenset[str]
    begins: str
    state: str
    at: datetime | None
    since: datetime | None
    customer: str | None
    said: bytes


Outcome = Literal["created", "changed", "unchanged"]


@dataclass(slots=True)
class Result:
    """What became of some lines: of each resource its kind and outcome, and the lines that were refused after all."""

    outcomes: list[tuple[str, Outcome]] = field(default_factory=list)
    refused: list[tuple[int, Sequence[Refusal]]] = field(default_factory=list)
    channel: str | None = None


class Unit(Protocol):
    """Lines that are written together: a case with some of its tasks, or a customer."""

    async def look(self, db: Database, who: Principal) -> Result | None:
        """Compare with what is there, without a transaction. The result when there is nothing to write."""
        ...

    async def apply(self, tx: Transaction, who: Principal) -> Result:
        """Write what differs."""
        ...

    def refuse(self, *refusals: Refusal) -> Result:
        """All of its lines, refused."""
        ...
