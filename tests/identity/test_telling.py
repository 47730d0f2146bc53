"""What the command line says to somebody who calls it wrongly."""

import json
import sys

import pytest

from engage_api import cli
from tests.servers import free_port


def told(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *words: str) -> tuple[object, str, str]:
    """The exit code, and what was said on both outputs, neither of which is a terminal."""
    monkeypatch.setattr(sys, "argv", ["engage", *words])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    return ended.value.code, *capsys.readouterr()


def test_scripts_are_told_in_a_line_or_as_json_what_was_called_wrongly(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for words, said in [
        (["nope"], "No such command 'nope'."),
        (["sandbox", "show"], "Missing argument 'sandbox'."),
        (["serve", "--workers", "99"], "Invalid value for '--workers': Input should be less than or equal to 64"),
    ]:
        assert told(monkeypatch, capsys, *words) == (2, "", f"engage: {said}\n")
    code, out, error = told(monkeypatch, capsys, "sandbox", "list", "--json", "--wrong")
    assert (code, out, json.loads(error)["errors"]) == (2, "", [])
    assert json.loads(error)["detail"].startswith("No such option: --wrong")
    code, out, error = told(monkeypatch, capsys, "sandbox")
    assert (code, error) == (2, "")
    assert "Make a sandbox and fill it." in out


def test_scripts_are_told_as_json_too_that_the_database_cannot_be_reached(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ENGAGE_DATABASE_URL", f"postgresql://engage@127.0.0.1:{free_port()}/engage")
    code, out, error = told(monkeypatch, capsys, "sandbox", "list", "--json")
    assert (code, out) == (1, "")
    assert "cannot" in json.loads(error)["detail"]
