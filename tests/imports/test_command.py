"""The command as somebody types it: what it prints, where, and its exit codes."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from engage_api.cli import app
from tests.imports.harness import FIRST, TICKETS, sheet


@pytest.fixture
def folder(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where somebody stands who types the command."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ENGAGE_DATABASE_URL", database_url)
    monkeypatch.setenv("COLUMNS", "200")
    (tmp_path / "tickets.yaml").write_text(TICKETS)
    return tmp_path


def engage(*arguments: str) -> Result:
    done = CliRunner().invoke(app, ["import", *arguments])
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done


def import_cases(folder: Path, content: str, *more: str) -> Result:
    (folder / "file.csv").write_text(content)
    return engage("cases", "file.csv", "--mapping", "tickets.yaml", *more)


def test_all_of_it_and_again(folder: Path) -> None:
    done = import_cases(folder, sheet(FIRST))
    assert (done.exit_code, done.stderr) == (0, "")  # no progress bar where no terminal is
    assert "Imported file.csv with tickets.yaml into live: 1 lines" in done.stdout
    assert "cases     1 created, 0 changed, 0 unchanged" in done.stdout
    assert "by channel email 1" in done.stdout
    again = import_cases(folder, sheet(FIRST), "--json")
    assert (again.exit_code, again.stderr) == (0, "")
    figures = json.loads(again.stdout)
    assert figures.pop("seconds") >= 0
    assert figures.pop("linesPerSecond") >= 0
    assert figures == {
        "file": "file.csv",
        "mapping": "tickets.yaml",
        "workspace": "live",
        "finished": True,
        "lines": 1,
        "refused": 0,
        "repeated": 0,
        "cases": {"created": 0, "changed": 0, "unchanged": 1},
        "tasks": {"created": 0, "changed": 0, "unchanged": 1},
        "casesByChannel": {"email": 1},
        "errors": [],
    }


def test_refused_lines(folder: Path) -> None:
    """The first are shown, all of them are in the report, the others are imported."""
    wrong = [FIRST.replace("mail", "pigeon").replace("S1", f"X{n}") for n in range(30)]
    done = import_cases(folder, sheet(*wrong, FIRST), "--report", "refused.jsonl")
    assert done.exit_code == 1
    assert "cases     1 created" in done.stdout
    assert "30 lines refused" in done.stdout
    shown = done.stderr.splitlines()
    assert shown[0] == "line 2: by: The mapping knows: mail, site."
    assert (len(shown), shown[-1]) == (21, "and 10 lines more; they are in refused.jsonl")
    report = (folder / "refused.jsonl").read_text().splitlines()
    assert [json.loads(line)["line"] for line in report] == list(range(2, 32))
    assert json.loads(report[0]) == {
        "line": 2,
        "column": "by",
        "pointer": "/channel",
        "code": "unknown-value",
        "detail": "The mapping knows: mail, site.",
    }
    done = import_cases(folder, sheet(*wrong[:21]), "--json")
    figures = json.loads(done.stdout)
    assert (done.exit_code, figures["refused"], len(figures["errors"])) == (1, 21, 20)
    assert "and 1 lines more; --report FILE tells all" in done.stderr


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["cases", "file.csv", "--mapping", "nothing"], "there is no mapping 'nothing'; there are: customers, wabo-"),
        (["cases", "file.csv", "--mapping", "customers"], "the mapping customers is for customers, not for cases"),
        (["cases", "file.csv", "--mapping", "gone.yaml"], "cannot read the mapping gone.yaml: No such file"),
        (["cases", "gone.csv", "--mapping", "tickets.yaml"], "cannot read gone.csv: No such file or directory"),
        (["cases", ".", "--mapping", "tickets.yaml"], "cannot read .: Is a directory"),
        (["cases", "file.csv", "--mapping", "wabo-receipt"], "the file has no column 'case:concept:name', "),
        (["cases", "file.csv", "--mapping", "tickets.yaml", "--workspace", "x"], "there is no workspace 'x'"),
        (["cases", "file.csv", "--mapping", "tickets.yaml", "--report", "file.csv"], "the report would overwrite"),
        (["cases", "file.csv", "--mapping", "tickets.yaml", "--report", "no/where"], "cannot write no/where: No such"),
        (["cases", "file.csv"], "Missing option '--mapping'"),
        (["offers", "file.csv", "--mapping", "tickets.yaml"], "No such command 'offers'"),
    ],
)
def test_misuse(folder: Path, arguments: list[str], said: str) -> None:
    path = folder / "file.csv"
    path.write_text(sheet(FIRST))
    done = engage(*arguments)
    assert (done.exit_code, done.stdout) == (2, "")
    assert said in done.stderr
    assert path.read_text() == sheet(FIRST)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("mysql://u:secret@x", "ENGAGE_DATABASE_URL: Value error, a database is sqlite:///FILE or postgresql://"),
        ("postgresql://x:secret@127.0.0.1:1/x", "the database cannot be reached"),
    ],
)
def test_no_database(folder: Path, monkeypatch: pytest.MonkeyPatch, url: str, said: str) -> None:
    monkeypatch.setenv("ENGAGE_DATABASE_URL", url)
    done = import_cases(folder, sheet(FIRST))
    assert done.exit_code == 2
    assert said in done.stderr
    assert "secret" not in done.stderr
