"""What a line says about one resource, validated by the very model that the API uses."""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pydantic import TypeAdapter, ValidationError

from engage_api.core.model import ExternalId, Input, Moment
from engage_api.http.problems import invalid
from engage_api.imports import cells as values
from engage_api.imports.cells import Cells, Read
from engage_api.imports.mapping import CaseSection, CustomerSection, Section
from engage_api.imports.models import Refusal, Refused, Wanted
from engage_api.imports.sources import Shape, Source

_MOMENT: TypeAdapter[datetime | None] = TypeAdapter(Moment | None)
_EXTERNAL_ID: TypeAdapter[str | None] = TypeAdapter(ExternalId | None)


class Bound:
    """A section of a mapping, bound to the header of a file.

    Raises:
        Misuse: the file lacks a column that the mapping needs.
    """

    def __init__(
        self, kind: str, section: Section, model: type[Input], header: Sequence[str], zone: str | None
    ) -> None:
        customer = section.customer if isinstance(section, CaseSection) else None
        since = section.since if isinstance(section, CustomerSection) else None
        at = values.places(header, list(_columns(section, customer, since)))
        self._kind = kind
        self._model = model
        self._tree = {name: shape.tree(lambda s: _leaf(s, at, zone)) for name, shape in section.fields.items()}
        self._begins = section.begins
        self._moves = [(m.to, values.condition(m.when, at), _leaf(m.at, at, zone)) for m in section.states]
        self._customer = _leaf(customer, at, zone)
        self._since = _leaf(since, at, zone)
        names = {info.alias or name: name for name, info in model.model_fields.items()}
        self._told = frozenset([names[alias] for alias in section.fields] + ["customer_id"] * bool(customer))
        self._keys = _members(section.fields.get("metadata"))
        self.columns = frozenset(at.values())
        self._used = sorted(self.columns)
        self._names = [header[place] for place in self._used]

    def cells(self, line: Cells) -> tuple[str, ...]:
        """The cells of a line that this section reads."""
        return tuple([line[at] for at in self._used])

    def read(self, line: Cells) -> Wanted:
        """What the line says.

        Raises:
            Refused: with everything that is wrong with it.
        """
        read = self.cells(line)
        said = "\x1f".join(read)
        if values.UNFIT.search(said):
            raise Refused(
                [_no_text(name) for name, cell in zip(self._names, read, strict=True) if values.UNFIT.search(cell)]
            )
        reading = _Reading(line)
        fields = {name: reading.value(node, f"/{name}")[0] for name, node in self._tree.items()}
        state, at = reading.attempt(self._reached, (self._begins, None))
        since = reading.attempt(lambda cells: _MOMENT.validate_python(self._since.read(cells)), None)
        customer = reading.attempt(self._customers, None)
        model = reading.validated(self._model, {name: value for name, value in fields.items() if value is not None})
        told = {name: getattr(model, name) for name in type(model).model_fields}
        digest = hashlib.blake2b(said.encode(), digest_size=16).digest()
        return Wanted(
            kind=self._kind,
            key=told["external_id"],
            fields=told,
            told=self._told,
            keys=self._keys,
            begins=self._begins,
            state=state,
            at=at,
            since=since,
            customer=customer,
            said=digest,
        )

    def _reached(self, line: Cells) -> tuple[str, datetime | None]:
        """The first state whose condition holds."""
        for state, holds, at in self._moves:
            if holds(line):
                time = _MOMENT.validate_python(at.read(line))
                if time is None and at.columns:
                    raise Refused([Refusal("missing", f"When was it {state}?", at.columns[0])])
                return state, time
        return self._begins, None

    def _customers(self, line: Cells) -> str | None:
        try:
            return _EXTERNAL_ID.validate_python(self._customer.read(line))
        except ValidationError:
            named = self._customer.columns[0] if self._customer.columns else None
            raise Refused([Refusal("external-id", "This is no external id of a customer.", named)]) from None


def _no_text(column: str) -> Refusal:
    return Refusal("characters", "It holds U+0000, or bytes that are not in the encoding of the file.", column)


@dataclass(frozen=True, slots=True)
class _Leaf:
    """A source, ready to read. Only what comes from a column makes something be there."""

    read: Read
    columns: list[str] = field(default_factory=list)


class _Reading:
    """One line being read: the values, where each came from, and what is wrong."""

    def __init__(self, line: Cells) -> None:
        self._line = line
        self._came_from: dict[str, str] = {}
        self._wrong: list[Refusal] = []

    def value(self, node: Any, pointer: str) -> tuple[Any, bool | None]:
        """The value at a place, and whether the line has anything to say about it; None where no column is asked.

        A member or an item of which all columns are empty is left out, with the constants beside them. Constants alone
        are there whatever the line says.
        """
        if isinstance(node, dict):
            members = {name: self.value(member, f"{pointer}/{name}") for name, member in node.items()}
            there = _there(said for _, said in members.values())
            kept = {name: value for name, (value, _) in members.items() if value is not None}
            return None if there is False else kept, there
        if isinstance(node, list):
            items: list[Any] = []
            heard: list[bool | None] = []
            for item in node:
                value, there = self.value(item, f"{pointer}/{len(items)}")
                items += [] if there is False or value is None else [value]
                heard.append(there)
            return items, _there(heard)
        if node.columns:
            self._came_from[pointer] = node.columns[0]
        value = self.attempt(node.read, None, pointer)
        return value, value is not None if node.columns else None

    def attempt(self, read: Callable[[Cells], Any], otherwise: Any, pointer: str | None = None) -> Any:
        """What is read, or `otherwise` when it is refused."""
        try:
            return read(self._line)
        except Refused as refused:
            self._wrong += [Refusal(r.code, r.detail, r.column, pointer) for r in refused.refusals]
            return otherwise

    def validated(self, model: type[Input], fields: dict[str, Any]) -> Input:
        """The model, when nothing is wrong. What follows from a cell that was refused already is not told again."""
        known = {refusal.pointer for refusal in self._wrong}
        try:
            made = model.model_validate(fields)
        except ValidationError as error:
            faults = [fault for fault in invalid(error).errors if fault.pointer not in known]
            found = [Refusal(f.code, f.detail, self._column(f.pointer or ""), f.pointer) for f in faults]
            raise Refused([*self._wrong, *found]) from None
        if getattr(made, "external_id", None) is None and "/externalId" not in known:
            column = self._column("/externalId")
            self._wrong.append(Refusal("missing", "A line needs its own id.", column, "/externalId"))
        if self._wrong:
            raise Refused(self._wrong)
        return made

    def _column(self, pointer: str) -> str | None:
        """The column that a place came from; of an object, that of its first member."""
        for place, column in self._came_from.items():
            if place == pointer or place.startswith(f"{pointer}/"):
                return column
        return None


def _there(parts: Iterable[bool | None]) -> bool | None:
    """What is said of a whole: something as soon as one part says something, None when no part asks a column."""
    asked = [said for said in parts if said is not None]
    return any(asked) if asked else None


def _leaf(source: Source | None, at: dict[str, int], zone: str | None) -> _Leaf:
    return _Leaf(lambda _: None) if source is None else _Leaf(values.reader(source, at, zone), values.columns(source))


def _columns(section: Section, *others: Source | None) -> Iterator[str]:
    """Every column that a section reads."""
    for shape in section.fields.values():
        for source in shape.sources():
            yield from values.columns(source)
    for move in section.states:
        yield from values.columns(move.at) if move.at else ()
        yield from [move.when.column] if move.when else ()
    for other in others:
        yield from values.columns(other) if other else ()


def _members(shape: Shape | None) -> frozenset[str]:
    return frozenset(shape.root) if shape is not None and isinstance(shape.root, dict) else frozenset()
