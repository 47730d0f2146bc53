"""The reader on the page about taps does what the page says, in Node: it goes on where it was cut off."""

import asyncio
import json
import shutil
from pathlib import Path

import pytest

from tests.portal.examples import blocks
from tests.serving import Server
from tests.taps.following import caller

PAGE = Path(__file__).parents[2] / "docs/en/taps.md"
NODE = shutil.which("node")


@pytest.mark.skipif(NODE is None, reason="needs Node, in which the reader of the page is tried")
@pytest.mark.slow
async def test_the_reader_of_the_page_misses_nothing_when_the_service_starts_again(
    sqlite_url: str, tmp_path: Path
) -> None:
    (reader,) = [block.text for block in blocks(PAGE) if block.language == "javascript"]
    server = Server(sqlite_url, tmp_path)
    key = await server.key()
    await server.start()
    url = f"{server.url}/v1/events/stream?type=engage.offer.*"
    program = f"{reader}\nfollow({json.dumps(url)}, {json.dumps(key)}, (event) => console.log(event.data.title));"
    process = await asyncio.create_subprocess_exec(str(NODE), "-e", program, stdout=asyncio.subprocess.PIPE)
    assert process.stdout
    try:
        async with caller(server, key) as client:
            read, number = "", 0
            while not read:  # until it listens: a stream without a place begins now
                await client.post("/offers", json={"title": f"early {number}"})
                number += 1
                try:
                    read = (await asyncio.wait_for(process.stdout.readline(), 1)).decode()
                except TimeoutError:
                    continue
        server.kill()
        await server.start()
        async with caller(server, key) as client:
            for number in range(3):
                await client.post("/offers", json={"title": f"late {number}"})
        titles: list[str] = []
        async with asyncio.timeout(30):
            while titles[-1:] != ["late 2"]:
                titles.append((await process.stdout.readline()).decode().strip())
        assert [title for title in titles if title.startswith("late")] == ["late 0", "late 1", "late 2"]
    finally:
        process.kill()
        await process.wait()
        server.stop()
