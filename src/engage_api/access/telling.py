"""How the command line says that something could not be done: a line for people; with `--json`, JSON for scripts."""

import json
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


def fail(text: str, code: int = FAILED, errors: Sequence[Fault] = ()) -> NoReturn:
    """End the command, saying on standard error why."""
    if _as_json.get():
        typer.echo(json.dumps({"detail": text, "errors": [one.as_json() for one in errors]}), err=True)
    else:
        told = [f"{place}: {one.detail}" if (place := _place(one)) else one.detail for one in errors[:MOST]]
        more = [f"and {len(errors) - MOST} more"] if len(errors) > MOST else []
        typer.echo(f"engage: {'; '.join([*([text] if text else []), *told, *more])}", err=True)
    raise typer.Exit(code)


def refuse(problem: Problem, code: int = FAILED) -> NoReturn:
    """The same with what a service would answer. Where it names places, its title says nothing more."""
    known = bool(problem.errors) and problem.detail == problem.title and not _as_json.get()
    fail("" if known else problem.detail, code, problem.errors)


def _place(fault: Fault) -> str:
    return (fault.pointer or fault.parameter or "").strip("/")
