"""Continuous integration is the habits of the Makefile, and does not take a skipped judge for a good judgement."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.architecture.source import ROOT

RUN = ROOT / ".ci" / "run"
HABITS = """
    install run worker test check fix bench docs migration openapi image soak browsers
"""


def integrate(folder: Path, printed: str, status: int = 0) -> subprocess.CompletedProcess[str]:
    """Runs .ci/run with a `make` that prints what it is told and was asked for."""
    make = folder / "make"
    make.write_text(f"#!/bin/sh\necho asked: $*\ncat <<'END'\n{printed}\nEND\nexit {status}\n", encoding="utf-8")
    make.chmod(0o755)
    environment = os.environ | {"PATH": f"{folder}{os.pathsep}{os.environ['PATH']}"}
    return subprocess.run(["bash", RUN], env=environment, capture_output=True, text=True, check=False)


def test_it_runs_the_habits_and_nothing_else(tmp_path: Path) -> None:
    done = integrate(tmp_path, "== 9 passed in 1.00s ==")
    assert (done.returncode, done.stdout) == (0, "asked: browsers check test\n== 9 passed in 1.00s ==\n")


def test_it_fails_when_a_habit_fails(tmp_path: Path) -> None:
    assert integrate(tmp_path, "== 1 failed in 1.00s ==", status=2).returncode != 0


@pytest.mark.parametrize("reason", ["needs Node's judges: …", "needs a browser: …"])
def test_it_fails_when_a_judge_was_absent(tmp_path: Path, reason: str) -> None:
    done = integrate(tmp_path, f"SKIPPED [7] tests/contract/judges.py:53: {reason}\n== 9 passed, 7 skipped in 1.00s ==")
    assert done.returncode == 1
    assert "failure" in done.stderr


def test_another_skip_is_no_failure(tmp_path: Path) -> None:
    assert (
        integrate(tmp_path, "SKIPPED [1] tests/test_x.py:1: needs receipt.csv in $ENGAGE_DATA_SAMPLES").returncode == 0
    )


def test_make_alone_tells_every_habit() -> None:
    told = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert set(HABITS.split()) <= set(re.findall(r"^  (\S+) ", told, re.MULTILINE))
