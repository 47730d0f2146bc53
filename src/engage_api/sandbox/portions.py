"""Long work in short steps: each so small that nobody waits for it, many in one transaction, or all of them."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from contextlib import AbstractAsyncContextManager
from time import monotonic
from typing import Protocol

from engage_api.db.engine import Transaction

SPAN = 0.2  # seconds of one transaction among many: so long do other writers wait on SQLite
AT_ONCE = 1.5  # seconds of what is done at once, while nobody else writes: far below what a transaction may take
STEP = {"sqlite": 0.015, "postgresql": 0.1}  # seconds of one step: on SQLite it holds up the loop
FIRST, LEAST, MOST = 100, 10, 5000  # rows of a step

Told = Callable[[Transaction, int], Awaitable[None]]
Enter = Callable[[], AbstractAsyncContextManager[Transaction]]


class TooMuch(Exception):
    """It cannot be done at once: promise it for later."""


class Part(Protocol):
    """Work on many rows of one kind, which goes on where its last step ended."""

    async def step(self, tx: Transaction, rows: int) -> int:
        """Do so many rows, if there are. How many there were: fewer than asked for when it was the last step."""
        ...


class _Stride:
    """How many rows a step has: as many as are done in the time of one."""

    def __init__(self) -> None:
        self.rows = FIRST

    def note(self, done: int, seconds: float, dialect: str) -> None:
        if done >= self.rows:
            grown = self.rows * min(2.0, max(0.25, STEP[dialect] / max(seconds, 1e-6)))
            self.rows = int(min(MOST, max(LEAST, grown)))


async def _go_on(tx: Transaction, parts: deque[Part], stride: _Stride, until: float) -> int:
    """Steps until that time, or to the end. How many rows were done."""
    total = 0
    while parts and monotonic() < until:
        rows, began = stride.rows, monotonic()
        done = await parts[0].step(tx, rows)
        stride.note(done, monotonic() - began, tx.dialect)
        total += done
        if done < rows:
            parts.popleft()
        await asyncio.sleep(0)
    return total


async def at_once(tx: Transaction, parts: Iterable[Part]) -> int:
    """All of it in one transaction, for what is small. How many rows that were.

    Raises:
        TooMuch: it takes too long. Nothing of the transaction may be kept.
    """
    left = deque(parts)
    total = await _go_on(tx, left, _Stride(), monotonic() + AT_ONCE)
    if left:
        raise TooMuch
    return total


async def in_turn(enter: Enter, parts: Iterable[Part], told: Told) -> int:
    """All of it in as many transactions as it takes; `told` hears at the end of each how many rows are done."""
    left, stride, total = deque(parts), _Stride(), 0
    while left:
        async with enter() as tx:
            total += await _go_on(tx, left, stride, monotonic() + SPAN)
            await told(tx, total)
    return total
