"""The world of a sandbox as a write in it sees it: one moment, and ids that come from a seed."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime

from engage_api.core import ids
from engage_api.core.problem import Problem

LIGHT = 2_048
"""Bytes of an event: so many more take the room of another id, so what bounds the ids of a sandbox bounds its bytes."""
_standing: ContextVar["World | None"] = ContextVar("standing", default=None)
_closed: set[str] = set()
CLOSED = frozenset({"resetting", "restoring", "failed"})
"""What makes a sandbox busy so that it cannot be read either: it is neither as it was nor as it will be."""
_working: ContextVar[bool] = ContextVar("working", default=False)


class SandboxFull(Problem):
    """The sandbox has reached the size that it may have: nothing more can be written into it.

    Reset it, or make another one.
    """

    code, status, title = "sandbox-full", 409, "The sandbox is full"


class SandboxBusy(Problem):
    """The sandbox is being filled, copied, reset or restored: writing has to wait.

    It can be read, unless it is being reset or restored. `Retry-After` says when to try again.
    `GET /v1/sandboxes/{id}` tells how far it is.
    """

    code, status, title = "sandbox-busy", 409, "The sandbox is busy"


@dataclass(slots=True)
class World:
    """Where a write transaction of a sandbox stands.

    `moment` is its time, the same for all that is written in the transaction. `number` counts the ids that the sandbox
    has given out, and those whose room large events took: at most `quota`. `epoch` counts how often its log has begun
    anew.
    """

    workspace: str
    seed: str
    number: int
    quota: int
    moment: datetime
    epoch: int = 0
    moved: bool = field(default=False, init=False)

    def new_id(self, prefix: str) -> str:
        """The next id: the same seed, moment and number give the same.

        Raises:
            SandboxFull: there may be no more.
        """
        self.take(1)
        return ids.seeded(prefix, self.moment, self.seed, self.number)

    def take(self, more: int) -> None:
        """Use up the room of so many ids.

        Raises:
            SandboxFull: there is no such room.
        """
        if self.number + more > self.quota:
            raise SandboxFull
        self.number += more

    def move(self, to: datetime) -> None:
        """Go on at a later moment; the sandbox's clock stands there after the commit. ValueError for an earlier one."""
        if to < self.moment:
            raise ValueError("time does not run backwards")
        self.moved = self.moved or to != self.moment
        self.moment = to


def standing(workspace: str) -> World | None:
    """The world of the write that this task is in, if it is one in this workspace and that has a world of its own."""
    world = _standing.get()
    return world if world is not None and world.workspace == workspace else None


def new_id(workspace: str, prefix: str) -> str:
    """An id for something in a workspace: in a write in a sandbox the next of its own."""
    world = standing(workspace)
    return ids.new(prefix) if world is None else world.new_id(prefix)


def new_event(workspace: str, size: int) -> str:
    """An id for an event of so many bytes in a workspace: in a sandbox a large one takes more room than its id."""
    world, event_id = standing(workspace), new_id(workspace, "evt")
    if world is not None:
        world.take(heavy(size))
    return event_id


def heavy(size: int) -> int:
    """How many more ids than its own an event of so many bytes takes the room of."""
    return size // LIGHT


def note(workspace: str, busy: str | None) -> None:
    """Take note of what a sandbox is busy with."""
    if busy in CLOSED:
        _closed.add(workspace)
    else:
        _closed.discard(workspace)


def is_closed(workspace: str) -> bool:
    """Whether nobody is to see what is in a workspace now, as far as this process knows."""
    return workspace in _closed


@contextmanager
def entered(world: World) -> Iterator[World]:
    """Let what this task does stand in a world."""
    token = _standing.set(world)
    try:
        yield world
    finally:
        _standing.reset(token)


@contextmanager
def working() -> Iterator[None]:
    """Let this task write in sandboxes that are busy: it is what they are busy with, or no business of theirs."""
    token = _working.set(True)
    try:
        yield
    finally:
        _working.reset(token)


def is_working() -> bool:
    """Whether this task may write in a sandbox that is busy."""
    return _working.get()
