"""A kind of resource: where its rows are, how its document is made, and by what it is found."""

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar, Generic, TypeVar

from sqlalchemy import Table

from engage_api.core.model import Resource
from engage_api.db import references
from engage_api.db.row import Row

P = TypeVar("P", bound=Resource)
_HEAD = re.compile(rb'\{"id":"(?P<id>[^"]+)","createdAt":"(?P<created_at>[^"]+)","updatedAt":"(?P<updated_at>[^"]+)",')
LONGEST_TERM = 200  # characters kept as they are; longer terms are kept as a hash, which finds them just as well


@dataclass(frozen=True, slots=True)
class Equal:
    """A filter: the column has this value."""

    column: str


@dataclass(frozen=True, slots=True)
class From:
    """A filter: the column has this value or a later one."""

    column: str


@dataclass(frozen=True, slots=True)
class Until:
    """A filter: the column is before this value."""

    column: str


@dataclass(frozen=True, slots=True)
class Term:
    """A filter: the resource has this exact term."""

    name: str


@dataclass(frozen=True, slots=True)
class Within:
    """A filter: the value is not before `start` and before `end`, two columns."""

    start: str
    end: str


Filter = Equal | From | Until | Within | Term

COMMON_FILTERS: Mapping[str, Filter] = {
    "external_id": Equal("external_id"),
    "metadata_key": Term("metadata-key"),
    "metadata": Term("metadata"),
    "created_from": From("created_at"),
    "created_until": Until("created_at"),
    "updated_from": From("updated_at"),
    "updated_until": Until("updated_at"),
}
MOMENTS = {"created_at": "createdAt", "updated_at": "updatedAt"}
SORTS: Mapping[str, str] = {name: column for column, name in MOMENTS.items()}


@dataclass(frozen=True, eq=False)
class Kind(Generic[P]):
    """One kind of resource.

    `columns` gives the typed columns beside the common ones, `words` what full-text search finds, `terms` the exact
    values of list-like fields as (name, value), `refers` the ids in such fields: what is named there is not deleted.
    `schema` counts the shapes its document has had: raise it when the shape changes. `happens` tells in a sentence what
    can happen to one, by the last word of the event's type: nothing else is written to the log. `moment` says when time
    will change one next, None for never; what then happens stands in `jobs/moments`, and its rows are `TimedRow`s.
    """

    name: str
    prefix: str
    public: type[P]
    row: type[Row]
    columns: Callable[[P], Mapping[str, Any]]
    words: Callable[[P], Iterable[str]] = lambda _: ()
    terms: Callable[[P], Iterable[tuple[str, str]]] = lambda _: ()
    refers: Callable[[P], Iterable[str]] = lambda _: ()
    filters: Mapping[str, Filter] = field(default_factory=dict)
    sorts: Mapping[str, str] = field(default_factory=lambda: SORTS)
    schema: int = 1
    happens: Mapping[str, str] = field(default_factory=dict)
    moment: Callable[[P], datetime | None] | None = None
    known: ClassVar[dict[str, "Kind[Any]"]] = {}

    def __post_init__(self) -> None:
        """Every kind is known by its name, as soon as its module is imported; its moment is one of its columns."""
        if self.moment is not None:
            object.__setattr__(self, "columns", _timed(self.columns, self.moment))
        Kind.known[self.name] = self

    @property
    def table(self) -> Table:
        """The SQLAlchemy table of its rows."""
        found: Table = self.row.__table__  # type: ignore[attr-defined]
        return found

    def event(self, happened: str) -> str:
        """The type of the event when this happens to one.

        Raises:
            RuntimeError: the kind does not say that this can happen, so nobody could look it up.
        """
        if happened not in self.happens:
            raise RuntimeError(f"{self.name}.{happened} is an event that `happens` of its kind does not tell of")
        return f"engage.{self.name}.{happened}.v1"

    def events(self) -> Iterator[tuple[str, str]]:
        """Every type of event of this kind, with its sentence."""
        return ((self.event(happened), sentence) for happened, sentence in self.happens.items())

    def render(self, public: P) -> bytes:
        """The document: the very bytes that are answered."""
        return public.__pydantic_serializer__.to_json(public, by_alias=True)

    def read(self, document: bytes) -> P:
        """The model of a stored document, also of one that was rendered with an older schema."""
        return self.public.model_validate_json(document)

    def current(self, rendered: int, document: bytes) -> bytes:
        """The document in its present shape."""
        return document if rendered == self.schema else self.render(self.read(document))

    def place(self, document: bytes, sort: str) -> tuple[Any, str]:
        """Where a present document stands in a list with this sort: the value of the column, and the id."""
        column = self.sorts[sort.lstrip("-")]
        if column in MOMENTS:  # of nearly every list, and a whole model would cost as much as the list
            head = _HEAD.match(document)
            assert head is not None  # noqa: S101  # every document begins like this, which a test looks at
            return datetime.fromisoformat(head[column].decode()), head["id"].decode()
        model = self.read(document)
        return self.columns(model)[column], model.id

    def all_terms(self, public: P) -> set[str]:
        """Every term under which the resource is found."""
        terms = {self.term(name, value) for name, value in self.terms(public)}
        terms |= {references.term(row_id) for row_id in self.refers(public)}
        for key, value in getattr(public, "metadata", {}).items():
            terms |= {self.term("metadata-key", key), self.term("metadata", f"{key}={value}")}
        return terms

    def term(self, name: str, value: str) -> str:
        """A term as it is stored: `customer.segment=vip`."""
        whole = f"{self.name}.{name}={value}"
        if len(whole) <= LONGEST_TERM:
            return whole
        return f"{self.name}.{name}#{hashlib.blake2b(whole.encode(), digest_size=24).hexdigest()}"


def _timed(
    columns: Callable[[P], Mapping[str, Any]], moment: Callable[[P], datetime | None]
) -> Callable[[P], Mapping[str, Any]]:
    return lambda public: {**columns(public), "moment_at": moment(public)}
