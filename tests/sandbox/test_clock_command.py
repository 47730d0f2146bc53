"""`engage sandbox clock|advance|log-hash`."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from engage_api.cli import app

FROZEN = '{"now": "2026-01-05T09:00:00Z", "mode": "frozen"}'


def engage(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["sandbox", *arguments])


def told(*arguments: str) -> Any:
    found = engage(*arguments, "--json")
    assert found.exit_code == 0, found.output
    return json.loads(found.stdout)


@pytest.fixture(autouse=True)
def _settings(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENGAGE_DATABASE_URL", database_url)
    monkeypatch.setenv("ENGAGE_DATA_DIR", str(tmp_path))


def test_time_from_the_command_line() -> None:
    box = told("create", "--seed", "a", "--clock", FROZEN)["id"]
    twin = told("create", "--seed", "a", "--clock", FROZEN)["id"]
    now = {"now": "2026-01-05T09:00:00.000Z", "mode": "frozen", "pace": 0, "advanceId": None}
    assert told("clock", box) == now
    for one in (box, twin):
        done = told("advance", one, "--by", "P30D")
        assert (done["state"], done["to"]) == ("done", "2026-02-04T09:00:00.000Z")
        assert done["moments"] > 0, "what a tiny sandbox has waits for its time"
    assert told("log-hash", box) == told("log-hash", twin)
    assert engage("log-hash", box).stdout.startswith("sha256:")
    assert engage("advance", box, "--to", "2026-02-05T09:00:00Z").stdout.endswith("until 2026-02-05 09:00\n")
    running = told("clock", box, "--mode", "running", "--pace", "60")
    assert (running["mode"], running["pace"]) == ("running", 60)
    assert told("clock", box, "--mode", "frozen")["now"] >= running["now"]
    assert "2026-02-05" in engage("clock", box).stdout


def test_what_makes_no_sense_is_told() -> None:
    box = told("create", "--size", "empty", "--clock", FROZEN)["id"]
    for words, code in (
        (("advance", box), 2),
        (("advance", box, "--by", "P1D", "--to", "2026-02-05T09:00:00Z"), 2),
        (("advance", box, "--to", "2025-02-05T09:00:00Z"), 1),
        (("advance", box, "--by", "a month"), 2),
        (("clock", box, "--mode", "backwards"), 2),
        (("clock", box, "--pace", "5"), 1),
        (("clock", "sbx_none"), 1),
        (("log-hash", "sbx_none"), 1),
    ):
        found = engage(*words)
        assert found.exit_code == code, (words, found.output)
        assert "Traceback" not in found.output
