"""A process to be killed: sixteen writers, each tells what was acknowledged. Arguments: URL JOURNAL NAME."""

import asyncio
import os
import sys

from sqlalchemy import bindparam, update

from engage_api.db import Query, open_database
from tests.db.schema import ADD, COLUMNS, plan

COUNT_UP = Query(update(plan).where(plan.c.id == bindparam("counter")).values(n=plan.c.n + 1).returning(plan.c.n))


async def main(url: str, journal: str, name: str) -> None:
    database = await open_database(url)
    acknowledged = os.open(journal, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    empty = dict.fromkeys(COLUMNS) | {"workspace_id": "w"}

    async def writer(number: int) -> None:
        turn = 0
        while True:
            turn += 1
            one = f"{name}-{number:02}-{turn:05}"
            async with database.write("w") as tx:
                counted = await tx.one(COUNT_UP, counter="writers")
                await tx.run(ADD, **empty | {"id": one, "n": counted.n})
                await asyncio.sleep(0)
                await tx.run(ADD, **empty | {"id": f"{one}+", "parent": one})
            os.write(acknowledged, f"{one}\n".encode())

    await asyncio.gather(*map(writer, range(16)))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
