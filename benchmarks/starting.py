"""How long a start takes: from the command to the first answer with a token (goal P12)."""

import contextlib
import time
from pathlib import Path

import httpx

from benchmarks.datasets import Dataset
from benchmarks.places import RUN
from benchmarks.servers import STARTS_WITHIN, NoServer, Server
from benchmarks.subjects import python

TIMES = 5


def first_answers(made: Dataset, database: Path, processor: int) -> list[float]:
    """Seconds of some starts as in `make run`, in development, on a filled database that lies in the disk's cache."""
    with database.open("rb") as file:
        while file.read(1 << 24):
            pass
    return [_start(made, database, processor) for _ in range(TIMES + 1)][1:]  # the first makes the demo sandbox


def _start(made: Dataset, database: Path, processor: int) -> float:
    environment = {
        "ENGAGE_SECRET_KEY": made.secret,
        "ENGAGE_DATABASE_URL": f"sqlite:///{database}",
        "ENGAGE_DATA_DIR": str(RUN),
    }
    server = Server("start", python("engage_api", "serve", "--port", "{port}"), environment)
    with made.ids.open() as ids:
        path = f"/v1/customers/{ids.readline().strip()}"
    headers = {"Authorization": f"Bearer {made.key}"}
    with httpx.Client(base_url=server.base_url, headers=headers, trust_env=False) as client:
        began = time.monotonic()
        server.start(processor)
        try:
            while time.monotonic() < began + STARTS_WITHIN:
                with contextlib.suppress(httpx.TransportError):
                    assert client.get(path).status_code == 200
                    return time.monotonic() - began
                time.sleep(0.002)
        finally:
            server.stop()
    raise NoServer(f"no answer within {STARTS_WITHIN:g} s:\n{server.log.read_text()[-2000:]}")
