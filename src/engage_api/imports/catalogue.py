"""Mappings by name, as they are shipped, or from a file of the operator's own."""

import re
from importlib import resources
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from engage_api.imports.mapping import Mapping
from engage_api.imports.models import Misuse

LARGEST = 262_144  # bytes of a mapping
_NAME = re.compile(r"[a-z0-9][a-z0-9-]*")
_SHIPPED = resources.files("engage_api.imports") / "mappings"


def names() -> list[str]:
    """The mappings that are shipped."""
    return sorted(entry.name.removesuffix(".yaml") for entry in _SHIPPED.iterdir() if entry.name.endswith(".yaml"))


def find(wanted: str, of: str) -> Mapping:
    """The mapping with this name, or in this file, for `cases` or `customers`.

    Raises:
        Misuse: there is none, or it is not valid; the text says everything that is wrong with it.
    """
    mapping = parse(_text(wanted), wanted)
    if mapping.of != of:
        raise Misuse(f"the mapping {wanted} is for {mapping.of}, not for {of}")
    return mapping


def parse(text: bytes, name: str) -> Mapping:
    """A mapping from YAML.

    Raises:
        Misuse: it is not YAML, or not a mapping.
    """
    try:
        found = yaml.load(text, _Loader)  # noqa: S506  # a SafeLoader that takes less still
    except yaml.YAMLError as error:
        raise Misuse(f"the mapping {name} is not YAML: {' '.join(str(error).split())}") from None
    except RecursionError:
        raise Misuse(f"the mapping {name} is nested too deeply") from None
    try:
        return Mapping.model_validate(found)
    except ValidationError as error:
        wrong = [f"\n  {_place(e['loc'])}{_said(e)}" for e in error.errors(include_url=False, include_input=False)]
        raise Misuse(f"the mapping {name} is not valid:{''.join(wrong)}") from None


def _text(wanted: str) -> bytes:
    shipped = _SHIPPED / f"{wanted}.yaml"
    if _NAME.fullmatch(wanted) and shipped.is_file():
        return shipped.read_bytes()
    if not wanted.endswith((".yaml", ".yml")):
        raise Misuse(f"there is no mapping {wanted!r}; there are: {', '.join(names())}, or name a .yaml file")
    try:
        with Path(wanted).open("rb") as file:
            text = file.read(LARGEST + 1)
    except OSError as error:
        raise Misuse(f"cannot read the mapping {wanted}: {error.strerror}") from None
    if len(text) > LARGEST:
        raise Misuse(f"the mapping {wanted} is larger than {LARGEST // 1024} KiB")
    return text


def _place(path: tuple[int | str, ...]) -> str:
    """`case.fields.channel`: the tags of unions are ours, and no part of the file."""
    parts = (f"[{part}]" if isinstance(part, int) else f".{part}" for part in path if str(part)[:1] != "[")
    place = "".join(parts).lstrip(".")
    return f"{place}: " if place else ""


def _said(error: Any) -> str:
    return str(error["msg"]).removeprefix("Value error, ")


class _Loader(yaml.SafeLoader):
    """YAML without its surprises: only `true`, `false` and `null` are not text (so `no` and `2010-01-01` are), a name
    stands once in a mapping, nothing is an alias of something else, and nothing says by a tag what it is.
    """

    def compose_node(self, parent: Any, index: Any) -> Any:
        event: Any = self.peek_event()  # type: ignore[no-untyped-call]  # PyYAML's
        what = "aliases" if isinstance(event, yaml.AliasEvent) else "tags" if getattr(event, "tag", None) else None
        if what:
            raise yaml.composer.ComposerError(None, None, f"{what} are not taken", event.start_mark)
        return super().compose_node(parent, index)

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:  # noqa: FBT001, FBT002  # PyYAML's
        made = super().construct_mapping(node, deep)
        if len(made) != len(node.value):
            raise yaml.constructor.ConstructorError(None, None, "a name stands twice in one mapping", node.start_mark)
        return made


_Loader.yaml_implicit_resolvers = {}
_Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"(?:true|false)$"), list("tf"))
_Loader.add_implicit_resolver("tag:yaml.org,2002:null", re.compile(r"(?:null|~|)$"), ["n", "~", ""])
