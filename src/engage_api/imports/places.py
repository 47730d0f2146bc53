"""Whether a resource has every place of a mapping, and a mapping every place that the resource needs."""

from collections.abc import Iterator
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, TypeAdapter, ValidationError

from engage_api.core.model import Input


def misplaced(fields: dict[str, Any], model: type[Input], closed: frozenset[str]) -> list[str]:
    """What is wrong with a tree of sources, seen from the model that the values will be validated by.

    `closed` names fields that a file cannot fill. Every imported resource needs `externalId`: by it a second run knows
    what the first one made.
    """
    missing = [] if "externalId" in fields else ["externalId is missing"]
    return [*_wrong(fields, model, closed, ""), *missing]


def _wrong(tree: Any, kind: Any, closed: frozenset[str], path: str) -> Iterator[str]:
    kind = _meant(kind)
    if get_origin(kind) is list:
        if isinstance(tree, list):
            for at, item in enumerate(tree):
                yield from _wrong(item, get_args(kind)[0], closed, f"{path}[{at}]")
        elif isinstance(tree, dict) or not tree.split:
            yield f"{path} is a list: give a list, or a column that is split"
    elif get_origin(kind) is not dict and not _is_model(kind):
        if isinstance(tree, dict | list) or tree.split:
            yield f"{path} is one value: give one source"
    elif not isinstance(tree, dict):
        yield f"{path} is an object: give the sources of its members"
    elif _is_model(kind):
        yield from _wrong_members(tree, kind, closed, path)
    else:
        yield from _wrong_entries(tree, kind, closed, path)


def _wrong_members(tree: dict[str, Any], model: type[BaseModel], closed: frozenset[str], path: str) -> Iterator[str]:
    known = {info.alias or name: info for name, info in model.model_fields.items()}
    known = {name: info for name, info in known.items() if name not in closed}
    for name, member in tree.items():
        if name in known:
            yield from _wrong(member, known[name].annotation, closed, _below(path, name))
        else:
            there = ", ".join(sorted(known))
            yield f"{_below(path, name)} is nothing that a file can fill; there are: {there}"
    for name, info in known.items():
        if info.is_required() and name not in tree:
            yield f"{_below(path, name)} is missing"


def _wrong_entries(tree: dict[str, Any], kind: Any, closed: frozenset[str], path: str) -> Iterator[str]:
    key, value = get_args(kind)
    names = TypeAdapter(key)
    for name, member in tree.items():
        try:
            names.validate_python(name)
        except ValidationError as error:
            yield f"{_below(path, name)}: {error.errors()[0]['msg']}"
        yield from _wrong(member, value, closed, _below(path, name))


def _meant(kind: Any) -> Any:
    """The type beside None, without what is noted about it."""
    if get_origin(kind) is Annotated:
        return _meant(get_args(kind)[0])
    if get_origin(kind) in (Union, UnionType):
        return _meant(next(one for one in get_args(kind) if one is not NoneType))
    return kind


def _is_model(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)


def _below(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
