"""`engage sandbox scenarios|scenario|simulate|faults`."""

import asyncio
import json
from dataclasses import replace

import pytest
from typer.testing import CliRunner, Result

from engage_api.access import operator
from engage_api.access.sandboxes import making
from engage_api.access.sandboxes.making import New
from engage_api.cli import app
from engage_api.db import open_database
from tests.running import SECRET


async def _sandbox(url: str) -> str:
    db = await open_database(url)
    try:
        maker = replace(await operator.principal(db, "live"), sees_workspace=False)
        async with db.system.write(None) as tx:
            return (await making.make(tx, maker, New("org_operator", "Test"))).model.id
    finally:
        await db.close()


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_what_is_tried_in_a_sandbox(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENGAGE_DATABASE_URL", database_url)
    monkeypatch.setenv("ENGAGE_SECRET_KEY", SECRET)
    here = asyncio.run(_sandbox(database_url))

    def run(*words: str) -> Result:
        return CliRunner().invoke(app, ["sandbox", *words])

    assert "angry-customer    P9D" in run("scenarios").output
    played = run("scenario", here, "angry-customer", "--json")
    assert json.loads(played.output)["state"] == "running", played.output
    assert "3 of 17 calls made, goes on at 20" in run("scenario", here, "angry-customer").output
    assert [one["state"] for one in json.loads(run("scenario-runs", here, "--json").output)["items"]] == ["running"] * 2
    assert run("scenario-runs", here).output.count("  angry-customer  3 of 17 calls made, goes on at 20") == 2
    for words in (("scenario", here, "nothing"), ("scenario", "sbx_none", "angry-customer"), ("faults", "sbx_none")):
        refused = run(*words)
        assert (refused.exit_code, refused.stdout) == (1, ""), words
    event = json.loads(run("simulate", here, "engage.case.delivered.v1", "--data", '{"title": "Mine"}').output)
    assert (event["type"], event["data"]["title"]) == ("engage.case.delivered.v1", "Mine")
    assert run("simulate", here, "engage.case.delivered.v1", "--data", "{").exit_code == 2
    assert (run("faults", here).stdout, run("faults", here).stderr) == ("", "No faults are set.\n")
    rule = {"fault": "webhook=duplicate", "times": 2}
    told = run("faults", here, "status=503;retry-after=2", json.dumps(rule)).output.splitlines()
    assert told == [
        "status=503;retry-after=2  on all calls  0 calls, 0 with the fault",
        "webhook=duplicate  on all calls  0 calls, 0 with the fault",
    ]
    assert json.loads(run("faults", here, "--json").output)["rules"][1]["times"] == 2
    assert run("faults", here, "status=404").exit_code == 2
    assert run("faults", here, "--clear").stdout == ""
