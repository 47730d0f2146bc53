"""The load: wrk, driven by wrk.lua, which prints one line of JSON at its end."""

import json
import os
import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

SCRIPT = Path(__file__).with_suffix(".lua")
NOTHING = "-"
FAILURES = ("connect", "read", "write", "status", "timeout")
PATIENCE = 10  # seconds after which wrk counts an answer as missing


class NoLoad(Exception):
    """There is no wrk, or it did not work; the text says what to do."""


@dataclass(frozen=True, slots=True)
class Script:
    """What is asked: random lines of `paths`, with a token, or a `body` (with @@ in it) sent to them."""

    paths: Path
    token: str = NOTHING
    body: Path | None = None
    connections: int = 16


@dataclass(frozen=True, slots=True)
class Load:
    """What wrk saw. Latencies in milliseconds; `failures` counts lost connections, late and refused answers."""

    requests: int
    seconds: float
    p50: float
    p99: float
    longest: float
    failures: int

    @property
    def rate(self) -> float:
        """Requests per second."""
        return self.requests / self.seconds


def parse(text: str) -> Load:
    """The figures in wrk's output.

    Raises:
        NoLoad: they are not there.
    """
    found = [line for line in text.splitlines() if line.startswith('{"requests":')]
    if not found:
        raise NoLoad(f"wrk told no figures:\n{text}")
    told = json.loads(found[-1])
    return Load(
        requests=told["requests"],
        seconds=told["duration_us"] / 1e6,
        p50=told["p50_us"] / 1e3,
        p99=told["p99_us"] / 1e3,
        longest=told["max_us"] / 1e3,
        failures=sum(told[name] for name in FAILURES),
    )


def run(base_url: str, script: Script, seconds: float) -> Load:
    """Load a server for some whole seconds, from one thread."""
    new = str(time.monotonic_ns() // 1000)
    body = str(script.body) if script.body else NOTHING
    command = ["wrk", "-t1", f"-c{script.connections}", f"-d{max(1, round(seconds))}s", f"--timeout={PATIENCE}s"]
    command += ["-s", str(SCRIPT), base_url, "--", str(script.paths), script.token, new, body]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise NoLoad(f"wrk failed:\n{done.stdout}{done.stderr}")
    return parse(done.stdout)


def require() -> str:
    """The version of wrk, installed if it is missing and that is allowed.

    Raises:
        NoLoad: it is missing, and only somebody else can change that.
    """
    if not shutil.which("wrk"):
        _install()
    told = subprocess.run(["wrk", "-v"], capture_output=True, text=True, check=False)
    return (told.stdout + told.stderr).split("Copyright")[0].strip()


def _install() -> None:
    if os.geteuid() == 0 and shutil.which("apt-get"):
        for words in (["update", "-qq"], ["install", "-qq", "--no-install-recommends", "wrk"]):
            subprocess.run(["apt-get", *words], capture_output=True, check=False)
    if not shutil.which("wrk"):
        raise NoLoad("wrk makes the load, and it is not here: apt-get install wrk (Debian, Ubuntu).")
