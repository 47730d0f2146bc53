"""Plays a sandbox in a process of its own, to be killed: `python -m tests.moments.process DATABASE WORKSPACE UNTIL`."""

import asyncio
import sys
from datetime import datetime

from engage_api import beside as _beside  # noqa: F401  # registers what time does
from engage_api.db import open_database
from engage_api.jobs import moments


async def main(url: str, workspace: str, until: str) -> None:
    moments.PORTION = 0.01  # many of them, so that most kills are amid one
    database = await open_database(url)
    await moments.play(database, workspace, datetime.fromisoformat(until), seconds=600)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
