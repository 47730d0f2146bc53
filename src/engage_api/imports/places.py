"""Whether a resource has every place of a mapping, and a mapping every place that the resource needs."""

import re
from collections.abc import Iterator
from typing import Any

from engage_api.core.model import Input


def misplaced(fields: dict[str, Any], model: type[Input], closed: frozenset[str]) -> list[str]:
    """What is wrong with a tree of sources, seen from the model that the values will be validated by.

    `closed` names fields that a file cannot fill. Every imported resource needs `externalId`: by it a second run knows
    what the first one made.
    """
    schema = model.model_json_schema(by_alias=True)
    whole = {**schema, "required": [*schema.get("required", ()), "externalId"]}
    return list(_Places(schema.get("$defs", {}), closed).wrong(fields, whole, ""))


class _Places:
    def __init__(self, definitions: dict[str, Any], closed: frozenset[str]) -> None:
        self._definitions = definitions
        self._closed = closed

    def wrong(self, tree: Any, schema: dict[str, Any], path: str) -> Iterator[str]:
        schema = self._meant(schema)
        kind = schema.get("type")
        if kind == "object":
            yield from self._wrong_object(tree, schema, path)
        elif kind == "array" and isinstance(tree, list):
            for at, item in enumerate(tree):
                yield from self.wrong(item, schema["items"], f"{path}[{at}]")
        elif kind == "array":
            if isinstance(tree, dict) or not tree.split:
                yield f"{path} is a list: give a list, or a column that is split"
        elif isinstance(tree, dict | list) or tree.split:
            yield f"{path} is one value: give one source"

    def _wrong_object(self, tree: Any, schema: dict[str, Any], path: str) -> Iterator[str]:
        if not isinstance(tree, dict):
            yield f"{path} is an object: give the sources of its members"
            return
        known = {name: kind for name, kind in schema.get("properties", {}).items() if name not in self._closed}
        patterns = schema.get("patternProperties", {})
        for name, member in tree.items():
            place = f"{path}.{name}" if path else name
            fitting = (
                [known[name]] if name in known else [kind for form, kind in patterns.items() if re.search(form, name)]
            )
            if fitting:
                yield from self.wrong(member, fitting[0], place)
            else:
                allowed = ", ".join(sorted(known)) or "names of the form " + " or ".join(patterns)
                yield f"{place} is nothing that a file can fill; there are: {allowed}"
        for name in schema.get("required", ()):
            if name not in tree:
                yield f"{path}.{name} is missing" if path else f"{name} is missing"

    def _meant(self, schema: dict[str, Any]) -> dict[str, Any]:
        """The schema behind a reference, or beside null."""
        if "$ref" in schema:
            return self._meant(self._definitions[schema["$ref"].rpartition("/")[2]])
        for choice in schema.get("anyOf", ()):
            if choice.get("type") != "null":
                return self._meant(choice)
        return schema
