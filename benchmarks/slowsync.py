"""A disk that takes 2 ms longer to sync, for SQLite: a library loaded before all others, compiled when it is needed."""

import shutil
import subprocess
import sys
from pathlib import Path

from benchmarks.places import HOME

SOURCE = Path(__file__).with_suffix(".c")
# A commit that reaches the disk, by the clock, in seconds.
_PROBE = """
import sqlite3, sys, time
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("CREATE TABLE IF NOT EXISTS t (x)")
began = time.monotonic()
connection.execute("INSERT INTO t VALUES (1)")
print(time.monotonic() - began)
"""


def environment() -> dict[str, str] | None:
    """What to set for a server that shall sync slowly; None where that cannot be done (no gcc, or it has no effect)."""
    library = HOME / "slowsync.so"
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None:
        return None
    HOME.mkdir(parents=True, exist_ok=True)
    command = [compiler, "-O2", "-shared", "-fPIC", "-o", str(library), str(SOURCE), "-ldl"]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        return None
    found = {"LD_PRELOAD": str(library)}
    return found if _commit_seconds(found) >= 0.002 else None


def _commit_seconds(extra: dict[str, str]) -> float:
    path = HOME / "probe.db"
    path.unlink(missing_ok=True)
    done = subprocess.run(
        [sys.executable, "-c", _PROBE, str(path)], env=extra, capture_output=True, text=True, check=False
    )
    return float(done.stdout) if done.returncode == 0 else 0.0
