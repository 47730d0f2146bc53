"""The same attacks on a real network, with the system's resolver and sockets: a namespace that is the whole world."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.counts import Count

ROOT = Path(__file__).parents[2]
UNSHARE = ["unshare", "--net", "--mount"]


def possible() -> bool:
    try:
        return subprocess.run([*UNSHARE, "ip", "-6", "addr"], capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False


def tried(folder: Path, *more: str) -> dict[str, Any]:
    if not possible():
        pytest.skip("needs a network namespace: root, unshare and ip; the fake network has tried the same")
    command = [*UNSHARE, sys.executable, "-m", "tests.attack.namespace", *more]
    environment = os.environ | {"PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'src'}"}
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=600
    )
    assert done.returncode == 0, done.stderr[-2_000:]
    told: dict[str, Any] = json.loads(done.stdout)
    return told


@pytest.mark.soak
def test_no_packet_leaves_for_where_none_may_go(tmp_path: Path, count: Count) -> None:
    told = tried(tmp_path, "1")
    assert told["wrong"] == []
    assert told["forbidden"] == []
    assert told["addresses"] >= 120
    assert told["public"] >= 4 * told["addresses"]  # where they may go they went, over the same wire
    assert told["lookups"] >= 2 * 5 * told["addresses"]
    count("requests on a network of their own", requests=told["requests"], packets=len(told["forbidden"]))


@pytest.mark.soak
def test_a_door_that_lets_everything_out_is_heard(tmp_path: Path) -> None:
    told = tried(tmp_path, "4", "planted")
    assert len(told["forbidden"]) > 10
    assert told["wrong"]
