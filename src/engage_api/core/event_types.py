"""Types of events, and patterns that name several: one rule for lists, streams and webhooks.

A type is words joined by dots, `engage.case.delivered.v1`. A pattern is a type, a type's beginning that ends in `.*`
(`engage.case.*`), or `*` for all.
"""

from typing import Annotated

from pydantic import StringConstraints

_WORDS = r"[a-z0-9_-]+(\.[a-z0-9_-]+)*"
LONGEST = 100  # characters of a type

Type = Annotated[str, StringConstraints(pattern=rf"^{_WORDS}$", max_length=LONGEST)]
SignalType = Annotated[str, StringConstraints(pattern=r"^x\.[a-z0-9_]+(\.[a-z0-9-]+)+$", max_length=LONGEST)]
"""The type of a signal from outside: `x.`, the id of an organization, and a name of its own."""
Pattern = Annotated[str, StringConstraints(pattern=rf"^(\*|{_WORDS}(\.\*)?)$", max_length=LONGEST + 2)]


def matches(pattern: str, type_: str) -> bool:
    """Whether the pattern names this type."""
    if pattern.endswith("*"):
        return type_.startswith(pattern[:-1])
    return type_ == pattern


def reach(pattern: str) -> tuple[str, str] | None:
    """Of a pattern that names several types: the first text that it names and the first after all of them, in the
    order of bytes. None for a type.
    """
    if not pattern.endswith("*"):
        return None
    first = pattern[:-1]
    return first, f"{first[:-1]}/" if first else "\x7f"  # what follows a dot; what follows every letter
