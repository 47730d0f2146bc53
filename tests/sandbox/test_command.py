"""`engage sandbox create|list|show|delete`."""

import asyncio
import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from engage_api.access.guard import Doorkeeper
from engage_api.app import KINDS
from engage_api.cli import app
from engage_api.core.secret import derive
from engage_api.db import open_database
from engage_api.settings import read


def engage(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["sandbox", *arguments])


async def opens(url: str, key: str) -> str | None:
    """The workspace that a key opens."""
    db = await open_database(url)
    try:
        holder = await Doorkeeper(db, derive(read().secret(), "api-keys")).recognise(key)
    finally:
        await db.close()
    return None if holder is None else holder.workspace


@pytest.fixture
def url(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("ENGAGE_DATABASE_URL", database_url)
    monkeypatch.setenv("ENGAGE_DATA_DIR", str(tmp_path))
    return database_url


def test_a_sandbox_from_its_making_to_its_end(url: str) -> None:
    assert json.loads(engage("list", "--json").stdout) == {"items": []}
    frozen = '{"now": "2030-01-01T00:00:00Z", "mode": "frozen"}'
    made = json.loads(engage("create", "--name", "Mine", "--seed", "a", "--clock", frozen, "--json").stdout)
    assert (made["name"], made["state"], made["size"], made["seed"]) == ("Mine", "ready", "tiny", "a")
    assert (made["startsAt"], made["startPace"]) == ("2030-01-01T00:00:00.000Z", 0)
    assert asyncio.run(opens(url, made["key"])) == made["id"]
    plain = engage("create", "--size", "empty", "--lifetime", "P1D")
    second, key = plain.stdout.split()
    assert asyncio.run(opens(url, key)) == second
    assert made["key"] not in plain.output
    listed = json.loads(engage("list", "--json").stdout)["items"]
    assert [one["id"] for one in listed] == [second, made["id"]]
    assert engage("list").stdout.splitlines()[1].startswith(f"{made['id']}  ready      tiny")
    del made["key"]
    changed = json.loads(engage("update", made["id"], "--name", "Yours", "--json").stdout)
    assert changed == made | {"name": "Yours", "version": 3, "updatedAt": changed["updatedAt"]}
    made = changed
    later = engage("update", second, "--expires-at", made["expiresAt"]).stdout
    assert f"until {made['expiresAt']}  Command line" in later
    assert json.loads(engage("show", made["id"], "--json").stdout) == made
    assert '"frozen"' not in engage("show", made["id"]).stdout
    assert engage("delete", made["id"]).stdout == f"{made['id']} is deleted.\n"
    assert asyncio.run(opens(url, key)) == second
    assert json.loads(engage("delete", second, "--json").stdout) == {"id": second, "deleted": True}
    assert asyncio.run(opens(url, key)) is None
    assert json.loads(engage("list", "--json").stdout) == {"items": []}


def test_what_goes_wrong_is_said_in_a_line(url: str) -> None:  # the settings of the environment
    for arguments, code, told in (
        (("show", "sbx_none"), 1, "engage: no sandbox 'sbx_none'\n"),
        (("delete", "sbx_none"), 1, "engage: no sandbox 'sbx_none'\n"),
        (("create", "--size", "huge"), 2, "engage: size: "),
        (("create", "--lifetime", "P1Y"), 2, "engage: lifetime: "),
        (("create", "--lifetime", "P99D"), 2, "engage: lifetime: At most P90D"),
        (("create", "--clock", "no"), 2, "engage: The clock is no JSON.\n"),
        (("create", "--clock", '{"pace": 0, "mode": "x"}'), 2, "engage: clock/mode: "),
        (("create", "--seed", "é"), 2, "engage: seed: "),
        (("update", "sbx_none"), 2, "engage: Give --name or --expires-at.\n"),
        (
            ("update", "sbx_none", "--expires-at", "soon"),
            2,
            "engage: expiresAt: Input should be a time",
        ),
        (("advance", "sbx_none"), 2, "engage: Give one of --to and --by, such as --by P30D.\n"),
        (("advance", "sbx_none", "--by", "P1M"), 2, "engage: by: It should be a duration"),
    ):
        result = engage(*arguments)
        assert (result.exit_code, result.stderr[: len(told)]) == (code, told), arguments
        assert result.stderr.count("\n") == 1
    told = json.loads(engage("create", "--lifetime", "P1Y", "--json").stderr)
    assert [(one["pointer"], one["code"]) for one in told["errors"]] == [("/lifetime", "form")]
    assert json.loads(engage("show", "sbx_none", "--json").stderr)["detail"] == "no sandbox 'sbx_none'"


@pytest.mark.parametrize("module", ["copies.working", "simulating", "clocks.going"])
def test_a_command_knows_every_kind_and_all_that_time_does(module: str) -> None:
    """In a process that has imported nothing else."""
    told = "from engage_api.db.kind import Kind; from engage_api.jobs.moments import registry"
    code = f"import engage_api.sandbox.{module}; {told}; print(*sorted(Kind.known)); print(*sorted(registry.kinds))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    known, passing = (line.split() for line in done.stdout.splitlines())
    if module != "clocks.going":
        assert known == sorted(kind.name for kind in KINDS)
    else:
        assert passing == sorted(kind.name for kind in KINDS if kind.moment is not None)
