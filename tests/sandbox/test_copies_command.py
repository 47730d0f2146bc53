"""`engage sandbox reset|fork|snapshot|restore|export|import`."""

import asyncio
import json
from pathlib import Path

import pytest

from engage_api.sandbox.copies import service as copies
from tests.sandbox.test_command import engage, opens, url

__all__ = ["url"]


@pytest.mark.parametrize("small", [True, False])
def test_copies_from_the_command_line(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, small: bool
) -> None:
    if not small:
        monkeypatch.setattr(copies, "SMALL", 0)
    made = json.loads(engage("create", "--name", "Mine", "--clock", '{"mode": "frozen"}', "--json").stdout)
    fork = json.loads(engage("fork", made["id"], "--name", "What if", "--json").stdout)
    assert (fork["name"], fork["state"], fork["parentId"]) == ("What if", "ready", made["id"])
    assert asyncio.run(opens(url, fork["key"])) == fork["id"]
    snapshot, state = engage("snapshot", made["id"], "--name", "Before").stdout.split()
    assert state == "ready"
    hashed = engage("log-hash", made["id"]).stdout.split()[0]
    assert engage("log-hash", fork["id"]).stdout.split()[0] == hashed
    for words in (("restore", made["id"], snapshot), ("reset", made["id"])):
        assert engage(*words).stdout.split() == [made["id"], "ready"]
        assert engage("log-hash", made["id"]).stdout.split()[0] == hashed
    file = str(tmp_path / "world.jsonl")
    if not small:
        refused = engage("export", made["id"], file)
        assert (refused.exit_code, "snapshot" in refused.output) == (1, True)
    told = json.loads(engage("export", made["id"], file, "--snapshot", snapshot, "--json").stdout)
    assert told == {"id": made["id"], "bytes": Path(file).stat().st_size}
    other, state, key = engage("import", file).stdout.split()
    assert (state, asyncio.run(opens(url, key))) == ("ready", other)
    assert engage("log-hash", other).stdout.split()[0] == hashed
    Path(file).write_text("{}", encoding="utf-8")
    broken = engage("import", file)
    assert (broken.exit_code, "Line 1 is not as it should be." in broken.output) == (1, True)
    assert "; format: Field required; " in broken.output
    told = json.loads(engage("import", file, "--json").stderr)
    assert told["errors"][0].keys() == {"code", "detail", "pointer"}
    assert json.loads(engage("import", "no such file", "--json").stderr)["errors"] == []
    assert engage("import", "no such file").exit_code == 2
    assert engage("fork", "sbx_none").exit_code == 1
    assert [one["id"] for one in json.loads(engage("snapshots", made["id"], "--json").stdout)["items"]] == [snapshot]
    assert engage("snapshots", made["id"]).stdout.startswith(f"{snapshot}  ready    20")
    assert engage("delete-snapshot", other, snapshot).stderr == f"engage: no snapshot {snapshot!r} of {other}\n"
    assert engage("delete-snapshot", made["id"], snapshot).stdout == f"{snapshot} is deleted.\n"
    assert engage("snapshots", made["id"]).stdout == ""
