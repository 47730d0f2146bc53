"""A scenario as it is written down: a story in TOML, checked when it is read."""

import re
import tomllib
from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import lru_cache
from importlib.resources import files
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter

from engage_api.core import clock

MOST_MOMENTS = 1_000
Action = Literal[
    "create_customer",
    "create_case",
    "update_case",
    "transition_case",
    "create_task",
    "update_task",
    "transition_task",
    "create_offer",
    "transition_offer",
    "create_signal",
]
"""Operations of the API: a scenario does nothing that its reader could not do."""
Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,31}$")]
_DURATION = TypeAdapter(timedelta)
_FILLED = re.compile(r"\{([a-z0-9.-]+)\}")


class Step(BaseModel):
    """One call, or the same `times` times, `every` so often.

    `name` is what others call the thing that is made, `of` what it is done to. In the body `{name}` is the id of
    something that was made, `{name.n}` that of the same count (and from the first on again), `{n}` the count,
    `{organization}` the id of whose run it is; `+P2D` is a time two days after the step's.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    at: timedelta = Field(ge=timedelta(0))
    says: str = Field(min_length=1, max_length=200)
    does: Action
    name: Name | None = None
    of: str | None = None
    body: dict[str, Any] = Field(default_factory=dict)
    times: int = Field(default=1, ge=1, le=MOST_MOMENTS)
    every: timedelta = timedelta(0)


class Beat(NamedTuple):
    """One call of a scenario: so long after its beginning, for the n-th time."""

    at: timedelta
    position: int
    n: int
    step: Step


class Script(BaseModel):
    """A scenario."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Name
    title: str
    story: str
    steps: tuple[Step, ...] = Field(min_length=1)

    def beats(self) -> list[Beat]:
        """Every call, in order."""
        return sorted(
            (
                Beat(step.at + step.every * (n - 1), position, n, step)
                for position, step in enumerate(self.steps)
                for n in range(1, step.times + 1)
            ),
            key=lambda beat: beat[:3],
        )

    @property
    def lasts(self) -> timedelta:
        """From its beginning to its last call."""
        return self.beats()[-1].at


@lru_cache(maxsize=1)
def scripts() -> Mapping[str, Script]:
    """All of them by name. ValidationError for one that is none: it is ours, so the service does not start."""
    folder = files(__package__).joinpath("stories")
    found = [
        Script.model_validate(tomllib.loads(one.read_text(encoding="utf-8")))
        for one in sorted(folder.iterdir(), key=lambda one: one.name)
        if one.name.endswith(".toml")
    ]
    return {script.name: script for script in found}


def fill(value: Any, words: Mapping[str, str], n: int, now: datetime) -> Any:
    """A body with what it leaves open: ids, the count, and times from `now` on.

    KeyError for something that was not made.
    """
    if isinstance(value, dict):
        return {name: fill(part, words, n, now) for name, part in value.items()}
    if isinstance(value, list):
        return [fill(part, words, n, now) for part in value]
    if not isinstance(value, str):
        return value
    if value.startswith("+P"):
        return clock.wire(now + _DURATION.validate_python(value[1:]))
    return _FILLED.sub(lambda found: _word(found[1], words, n), value)


def _word(name: str, words: Mapping[str, str], n: int) -> str:
    if name == "n":
        return str(n)
    if name.endswith(".n"):
        stem = name[:-1]
        count = sum(1 for known in words if known.startswith(stem))
        return words[f"{stem}{(n - 1) % max(1, count) + 1}"]
    return words[name]
