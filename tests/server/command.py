"""The `engage` command as somebody at a terminal has it: a process of its own."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import httpx

PATIENCE = 60.0  # seconds for a start on a busy machine
ENGAGE = (sys.executable, "-m", "engage_api")


class Served(NamedTuple):
    """A service that answers, and the first line that it printed."""

    url: str
    line: str
    process: subprocess.Popen[str]


def environment(folder: Path, **more: str) -> dict[str, str]:
    """Nothing of the machine's own settings, and a data folder of its own."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("ENGAGE_", "OTEL_"))}
    return {**clean, "ENGAGE_DATA_DIR": str(folder), **more}


def engage(folder: Path, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    return subprocess.run(
        [*ENGAGE, *words],
        env=environment(folder, **more),
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
    )


@contextmanager
def serving(folder: Path, *words: str, **more: str) -> Iterator[Served]:
    """A service on a free port, until the block is left."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with (folder.parent / f"{folder.name}.log").open("w") as log:
        process = subprocess.Popen(
            [*ENGAGE, "serve", "--port", str(port), *words],
            env=environment(folder, **more),
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
        try:
            url = f"http://127.0.0.1:{port}"
            line = process.stdout.readline() if process.stdout and "ENGAGE_ENVIRONMENT" not in more else ""
            _wait(url, process)
            yield Served(url, line.rstrip("\n"), process)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=15)
            if process.stdout:
                process.stdout.close()


def _wait(url: str, process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        assert process.poll() is None, "the service ended"
        try:
            if httpx.get(f"{url}/readyz").status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.05)
    raise AssertionError("the service did not answer")
