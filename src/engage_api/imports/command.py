"""`engage import cases|customers FILE --mapping NAME|FILE.yaml`."""

from pathlib import Path
from typing import Annotated

import typer

DONE, NOT_ALL, MISUSED = 0, 1, 2
"""Exit codes: everything is in; lines were refused, or it was stopped; called wrongly, nothing was imported."""

app = typer.Typer(help="Files of others into the database.", no_args_is_help=True)

File = Annotated[Path, typer.Argument(help="A CSV file with a header line.", show_default=False)]
MappingName = Annotated[str, typer.Option("--mapping", help="A shipped mapping, or a .yaml file.", show_default=False)]
Workspace = Annotated[str, typer.Option(help="`live`, or the id of a sandbox.")]
Errors = Annotated[Path | None, typer.Option("--report", help="Write every refused line to this file, as JSON Lines.")]
Json = Annotated[bool, typer.Option("--json", help="Answer as one JSON object, for scripts.")]
PLAIN: Json = False


@app.command("cases")
def import_cases(
    file: File, mapping: MappingName, workspace: Workspace = "live", report: Errors = None, as_json: Json = PLAIN
) -> None:
    """Import cases and their tasks. The same file again changes nothing; a stopped import goes on when run again."""
    _run("cases", file, mapping, workspace, report, as_json=as_json)


@app.command("customers")
def import_customers(
    file: File, mapping: MappingName, workspace: Workspace = "live", report: Errors = None, as_json: Json = PLAIN
) -> None:
    """Import customers. The same file again changes nothing; a stopped import goes on when run again."""
    _run("customers", file, mapping, workspace, report, as_json=as_json)


def _run(of: str, file: Path, mapping: str, workspace: str, report: Path | None, *, as_json: bool) -> None:
    from engage_api.imports.models import Misuse  # noqa: PLC0415  # every command loads what it needs, and no more
    from engage_api.imports.run import Order, Stopped, carry_out  # noqa: PLC0415  # as above

    try:
        told = carry_out(Order(of, file, mapping, workspace, report))
    except Misuse as wrong:
        typer.echo(f"engage: {wrong}", err=True)
        raise typer.Exit(MISUSED) from None
    except Stopped as stopped:
        told = stopped.told
        typer.echo(f"engage: {stopped}", err=True)
    for line in told.refused():
        typer.echo(line, err=True)
    typer.echo(told.as_json() if as_json else told.as_text())
    raise typer.Exit(DONE if told.complete else NOT_ALL)
