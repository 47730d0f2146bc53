"""`python -m benchmarks` measures; `python -m benchmarks profile get` shows where the time goes."""

import os
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from benchmarks import figures, goals, match, profiling, report
from benchmarks.datasets import CUSTOMERS
from benchmarks.lineup import BARE
from benchmarks.servers import NoServer
from benchmarks.wrk import NoLoad

FAILED, MISUSED, VOID = 1, 2, 3

app = typer.Typer(help="Measure, as ratios to a bare route.", pretty_exceptions_enable=False)
Customers = Annotated[int, typer.Option(min=1_000, help="How many customers the databases hold.")]


@app.callback(invoke_without_command=True)
def measure(
    context: typer.Context,
    rounds: Annotated[int, typer.Option(min=1, help="Rounds, each in an order of its own.")] = 5,
    seconds: Annotated[int, typer.Option(min=1, help="Seconds of load on each.")] = 5,
    only: Annotated[str, typer.Option(help="Parts of names, with commas between them.")] = "",
    customers: Customers = CUSTOMERS,
    *,
    peers: Annotated[bool, typer.Option(help="Measure other frameworks, too.")] = False,
) -> None:
    """Measure. Exit codes: 0 done, 1 somebody failed, 2 something is missing here, 3 void: the machine was unsteady."""
    if context.invoked_subcommand:
        return
    wanted = tuple(text.strip() for text in only.split(",") if text.strip())
    rules = match.Rules(rounds, seconds, customers, peers, _take_processors(), wanted)
    console = Console()
    try:
        outcome = match.play(rules, lambda text: console.print(text, highlight=False))
    except (NoLoad, NoServer) as error:
        console.print(str(error), markup=False)
        raise typer.Exit(MISUSED) from error
    found = figures.figures(outcome.samples)
    verdicts = list(goals.verdicts(found, figures.Spread.of(outcome.starts).middle if outcome.starts else None))
    verdicts += [*goals.of_followers(outcome.followed), *goals.of_sent(outcome.sent)]
    void = figures.is_void(found[BARE])
    report.show(found, verdicts, outcome)
    path = report.keep(rules, found, verdicts, outcome, void=void)
    console.print(f"Every round: {os.path.relpath(path, Path.cwd())}")
    if any(figure.failures for figure in found.values()):
        console.print("Failed: there were answers that are no success, or none.")
        raise typer.Exit(FAILED)
    if void:
        console.print(f"Void: the bare route's quickest round is more than {figures.STEADY} times its slowest.")
        raise typer.Exit(VOID)


@app.command()
def profile(
    work: Annotated[profiling.Work, typer.Argument(help="What is asked.")],
    database: Annotated[profiling.Engine, typer.Option(help="Of which database.")] = profiling.Engine.SQLITE,
    requests: Annotated[int, typer.Option(min=100, help="How many are profiled.")] = 3_000,
    customers: Customers = CUSTOMERS,
) -> None:
    """Show where the time of a request goes: the service in this process, without sockets."""
    profiling.profile(work, database, requests, customers)


def _take_processors() -> int:
    """Go to the second processor, with whatever is started from here; the first is the servers'."""
    mine = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    if len(mine) < 2:
        Console().print("It takes Linux and two processors: one for the servers, one for wrk and PostgreSQL.")
        raise typer.Exit(MISUSED)
    os.sched_setaffinity(0, mine[1:2])
    return mine[0]


if __name__ == "__main__":
    app()
