"""Servers under test: processes on a processor of their own, all of which run from before the first figure."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from benchmarks.places import ROOT, RUN

STARTS_WITHIN = 60.0  # seconds


class NoServer(Exception):
    """A server did not start, or ended; the text has the end of what it said."""


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@dataclass(slots=True)
class Server:
    """A command that listens on `{port}`; `environment` comes on top of ours, without any setting of a service."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    port: int = field(default_factory=free_port)
    _process: psutil.Popen | None = None

    @property
    def base_url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> Path:
        """What it says."""
        return RUN / "logs" / f"{self.name.replace(' ', '-')}.log"

    def start(self, processor: int) -> None:
        """Begin; `wait` until it listens."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        own = {name: value for name, value in os.environ.items() if not name.startswith(("ENGAGE_", "OTEL_"))}
        command = [part.replace("{port}", str(self.port)) for part in self.command]
        with self.log.open("wb") as log:
            self._process = psutil.Popen(
                ["taskset", "-c", str(processor), *command],
                cwd=ROOT,
                env={**own, **self.environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def wait(self) -> None:
        """Until somebody listens on its port."""
        deadline = time.monotonic() + STARTS_WITHIN
        while time.monotonic() < deadline:
            if self._process is None or self._process.poll() is not None:
                break
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.02)
        raise NoServer(f"{self.name} does not listen:\n{self.log.read_text(errors='replace')[-2000:]}")

    def cpu(self) -> float:
        """Seconds of processor time that it and its children have used."""
        assert self._process is not None
        family = [self._process, *self._process.children(recursive=True)]
        return sum(times.user + times.system for times in (one.cpu_times() for one in family))

    def memory(self) -> int:
        """Bytes of memory that are its own just now."""
        assert self._process is not None
        return int(self._process.memory_full_info().uss)

    def stop(self) -> None:
        """End it, kindly first."""
        if self._process is None or self._process.poll() is not None:
            return
        family = [*self._process.children(recursive=True), self._process]
        self._process.send_signal(signal.SIGTERM)
        _, left = psutil.wait_procs(family, timeout=10)
        for one in left:
            one.kill()
        self._process.wait(5)
