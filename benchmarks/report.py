"""What a run says: a table for people, a line of JSON for whoever compares runs."""

import json
import platform
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.figures import Figure, Spread
from benchmarks.goals import Verdict
from benchmarks.lineup import BARE
from benchmarks.match import Outcome, Rules
from benchmarks.places import RESULTS, ROOT

PACKAGES = ("engage-api", "fastapi", "starlette", "pydantic", "uvicorn", "uvloop", "httptools", "sqlalchemy", "asyncpg")


def show(found: Mapping[str, Figure], verdicts: Sequence[Verdict], outcome: Outcome) -> None:
    """Print the tables."""
    console = Console(width=None if Console().is_terminal else 160)
    console.print(_figures(found))
    if outcome.starts:
        console.print(f"Start to first answer: {_spread(Spread.of(outcome.starts), 2)} s")
    if outcome.followed:
        console.print(
            f"{outcome.followed.clients:,} followers of the log: {outcome.followed.kilobytes:.1f} KB each, "
            f"the last served after {_spread(Spread.of(outcome.followed.last), 2)} s"
        )
    if outcome.sent:
        rates = {"with no database": outcome.sent.floor, **outcome.sent.ours}
        told = ", ".join(f"{name} {_spread(Spread.of(several), 0)}/s" for name, several in rates.items())
        console.print(f"Webhooks of one worker: {told}")
    console.print(_goals(verdicts))
    for note in outcome.notes:
        console.print(note)


def keep(
    rules: Rules, found: Mapping[str, Figure], verdicts: Sequence[Verdict], outcome: Outcome, *, void: bool
) -> Path:
    """Append the whole run, every round of it, to the file of its day."""
    now = datetime.now(UTC)
    line: dict[str, Any] = {
        "time": now.isoformat(timespec="seconds"),
        "void": void,
        "commit": commit(),
        "python": platform.python_version(),
        "processor": _processor(),
        "versions": {name: version(name) for name in PACKAGES} | outcome.versions,
        "rules": asdict(rules),
        "figures": {name: asdict(figure) for name, figure in found.items()},
        "verdicts": [{**asdict(verdict), "met": verdict.met} for verdict in verdicts],
        "starts": outcome.starts,
        "followed": None if outcome.followed is None else asdict(outcome.followed),
        "sent": None if outcome.sent is None else asdict(outcome.sent),
        "notes": outcome.notes,
        "samples": [asdict(sample) for sample in outcome.samples],
    }
    RESULTS.mkdir(parents=True, exist_ok=True)
    path = RESULTS / f"{now:%Y-%m-%d}.jsonl"
    with path.open("a") as file:
        file.write(json.dumps(line, ensure_ascii=False) + "\n")
    return path


def commit() -> str:
    """The commit that was measured, with a + when the tree had changes."""
    told = subprocess.run(
        ["git", "describe", "--always", "--dirty=+", "--abbrev=12"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    return told.stdout.strip() or "unknown"


def _figures(found: Mapping[str, Figure]) -> Table:
    table = Table(title="Median (least–most) of the rounds")
    for heading in ("", "requests/s", "ratio", "CPU µs", "CPU ratio", "p99 ms", "failed"):
        table.add_column(heading, justify="left" if not heading else "right")
    bare = found[BARE]
    for name, figure in found.items():
        table.add_row(
            name,
            _spread(figure.rate, 0),
            f"{figure.rate.middle / bare.rate.middle:.2f}",
            _spread(figure.cpu, 0),
            f"{bare.cpu.middle / figure.cpu.middle:.2f}",
            _spread(figure.p99, 1),
            str(figure.failures),
        )
    return table


def _goals(verdicts: Sequence[Verdict]) -> Table:
    table = Table(title="Goals")
    for heading in ("goal", "", "measured", "wanted", ""):
        table.add_column(heading, justify="right" if heading in {"measured", "wanted"} else "left")
    for one in verdicts:
        wanted = f"{'≥' if one.at_least else '≤'} {one.wanted:g}"
        table.add_row(one.goal, one.text, f"{one.measured:.2f}", wanted, "met" if one.met else "[red]missed[/]")
    return table


def _spread(spread: Spread, digits: int) -> str:
    return f"{spread.middle:,.{digits}f} ({spread.least:,.{digits}f}–{spread.most:,.{digits}f})"


def _processor() -> str:
    information = Path("/proc/cpuinfo")
    if information.is_file():
        for line in information.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor()
