"""What a suite has counted, told at the end of the run: how much was tried says what "nothing was found" is worth.

A test asks for the fixture `count` and says `count("hostile bodies", requests=420)`. Numbers of one suite are added up
over its tests and workers; those whose name begins with `most_` or `least_` are compared instead.
"""

from collections.abc import Callable, Iterable, Mapping

PROPERTY = "count"
Numbers = Mapping[str, float]
Count = Callable[..., None]


def counter(record_property: Callable[[str, object], None]) -> Count:
    """What the fixture gives: notes numbers with the test's report."""

    def count(suite: str, **numbers: float) -> None:
        record_property(PROPERTY, [suite, numbers])

    return count


def added(noted: Iterable[tuple[str, Numbers]]) -> dict[str, dict[str, float]]:
    """The numbers of each suite, in the order in which they were first noted."""
    suites: dict[str, dict[str, float]] = {}
    for suite, numbers in noted:
        known = suites.setdefault(suite, {})
        for name, number in numbers.items():
            if name not in known:
                known[name] = number
            elif name.startswith("most_"):
                known[name] = max(known[name], number)
            elif name.startswith("least_"):
                known[name] = min(known[name], number)
            else:
                known[name] += number
    return suites


def lines(noted: Iterable[tuple[str, Numbers]]) -> list[str]:
    """One line for each suite."""
    told = []
    for suite, numbers in sorted(added(noted).items()):
        parts = (f"{name.replace('_', ' ')} {_shown(number)}" for name, number in numbers.items())
        told.append(f"{suite}: {' · '.join(parts)}")
    return told


def _shown(number: float) -> str:
    return f"{number:,}" if number == int(number) else f"{number:,.3f}"
