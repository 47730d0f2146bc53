"""What a process does for itself, again and again."""

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any

import structlog


async def every(seconds: float, stop: asyncio.Event, do: Callable[[], Any]) -> None:
    """Do it again and again; a failure is logged and is no reason to end."""
    while not stop.is_set():
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), seconds)
        try:
            done = do()
            if asyncio.iscoroutine(done):
                await done
        except Exception:  # noqa: BLE001  # whatever it was, the next round may go well
            structlog.get_logger("engage").exception("background work failed")
