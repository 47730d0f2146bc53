"""How the command line says that something could not be done: a line for people; with `--json`, JSON for scripts."""

import json
import sys
from collections.abc import Sequence
from contextvars import ContextVar
from typing import Annotated, NoReturn

import typer

from engage_api.core.problem import Fault, Problem

FAILED, MISUSED = 1, 2
"""Exit codes: could not be done; called wrongly."""
MOST = 5  # faults that are told in a line
_as_json: ContextVar[bool] = ContextVar("as_json", default=False)


def _noted(*, value: bool) -> bool:
    _as_json.set(value)
    return value


Json = Annotated[bool, typer.Option("--json", help="Answer as JSON, for scripts; also what is wrong.", callback=_noted)]


def start(app: typer.Typer) -> None:
    """Run the command. A call that is wrong is drawn for people at a terminal; scripts get a line, or JSON."""
    _as_json.set("--json" in sys.argv)
    if sys.stderr.isatty() and not _as_json.get():
        app()
    try:
        code = app(standalone_mode=False)
    except typer.Abort:
        code = FAILED
        tell("it was called off.")
    except typer.TyperException as wrong:
        code = getattr(wrong, "exit_code", FAILED)
        if said := getattr(wrong, "format_message", wrong.__str__)():  # nothing where the help was asked for
            tell(" ".join(said.split()))
    raise SystemExit(code)


def fail(text: str, code: int = FAILED, errors: Sequence[Fault] = ()) -> NoReturn:
    """End the command, saying on standard error why."""
    tell(text, errors)
    raise typer.Exit(code)


def tell(text: str, errors: Sequence[Fault] = ()) -> None:
    """Say on standard error what is wrong."""
    if _as_json.get():
        typer.echo(json.dumps({"detail": text, "errors": [one.as_json() for one in errors]}), err=True)
    else:
        told = [f"{place}: {one.detail}" if (place := _place(one)) else one.detail for one in errors[:MOST]]
        more = [f"and {len(errors) - MOST} more"] if len(errors) > MOST else []
        typer.echo(f"engage: {'; '.join([*([text] if text else []), *told, *more])}", err=True)


def refuse(problem: Problem, code: int = FAILED) -> NoReturn:
    """The same with what a service would answer. Where it names places, its title says nothing more."""
    known = bool(problem.errors) and problem.detail == problem.title and not _as_json.get()
    fail("" if known else problem.detail, code, problem.errors)


def _place(fault: Fault) -> str:
    return (fault.pointer or fault.parameter or "").strip("/")
