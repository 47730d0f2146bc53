"""Tables that stand in pages written by hand, where `<!-- generated: NAME -->` is."""

from collections.abc import Callable, Iterable, Sequence
from itertools import groupby
from pathlib import Path
from sqlite3 import connect
from tempfile import TemporaryDirectory
from typing import Any, Literal, get_args, get_origin

import yaml
from pydantic import SecretStr

import engage_api
from engage_api.core.problem import Problem
from engage_api.core.scopes import Scope
from engage_api.core.secret import PATTERN
from engage_api.db.migrate import upgrade
from engage_api.settings import Settings
from portal.generated.api import KINDS, Door, doors

MAPPINGS = Path(engage_api.__file__).parent / "imports" / "mappings"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table; bars in cells are escaped."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def problems(folder: str = "problems/") -> str:
    """Every problem type, by status; their pages are in the folder."""
    known = sorted(Problem.known.values(), key=lambda kind: (kind.status, kind.code))
    rows = ((str(kind.status), f"[`{kind.code}`]({folder}{kind.code}.md)", f"{kind.title}.") for kind in known)
    return table(("Status", "Code", "What it says"), rows)


def scopes() -> str:
    """Every scope, its sentence and the operations that need it."""
    return table(
        ("Scope", "A key that has it may", "Operations that need it"),
        (
            (f"`{scope.value}`", scope.sentence, _links(door for door in doors() if door.operation.scope is scope))
            for scope in Scope
        ),
    )


def settings() -> str:
    """Every setting: its variable, what is in force without it, and what it does."""
    return table(
        ("Variable", "Default", "What it does"),
        (
            (f"`ENGAGE_{name.upper()}`", _default(field.default), f"{field.description}{_choices(field.annotation)}")
            for name, field in Settings.model_fields.items()
        ),
    )


def operations() -> str:
    """Every operation under a heading of its own, by tag."""
    parts = []
    for tag, group in groupby(doors(), key=lambda door: door.tag):
        parts.append(f"## {tag}\n")
        parts += [_operation(door) for door in group]
    return "\n".join(parts)


def states() -> str:
    """Every state machine: for each state what can follow."""
    parts = []
    for kind, path, machine in KINDS:
        if machine:
            first = next(iter(machine))
            rows = (
                (f"`{state}`", ", ".join(f"`{to}`" for to in following) or "nothing: this is the end")
                for state, following in machine.items()
            )
            parts += [
                f"## {kind.name.capitalize()}",
                f"Begins as `{first}`. Change it with `POST /v1{path}/{{id}}/transitions`.",
                table(("State", "What can follow"), rows),
            ]
    return "\n\n".join(parts)


def key_pattern() -> str:
    """What a key looks like, for secret scanners."""
    return f"```text\n{PATTERN}\n```"


def plans() -> str:
    """Every plan that a new service has. Plans are data, so a new service is asked."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "new.db"
        upgrade(f"sqlite:///{path}")
        database = connect(path)
        found = database.execute("SELECT name, requests, seconds, burst, quota FROM plan ORDER BY requests").fetchall()
        database.close()
    return table(
        ("Plan", "Requests in a window", "In any one second", "On a day (UTC)"),
        (
            (f"`{name}`", f"{requests:,} in {seconds} s", f"{burst:,}", "any number" if quota is None else f"{quota:,}")
            for name, requests, seconds, burst, quota in found
        ),
    )


def mappings() -> str:
    """Every mapping that is shipped, with what it says of itself."""
    found = ((path.stem, yaml.safe_load(path.read_text(encoding="utf-8"))) for path in sorted(MAPPINGS.glob("*.yaml")))
    return table(("Mapping", "Of", "For"), ((f"`{name}`", says["of"], f"{says['about']}.") for name, says in found))


TABLES: dict[str, Callable[[], str]] = {
    "problems": problems,
    "scopes": scopes,
    "settings": settings,
    "operations": operations,
    "states": states,
    "key-pattern": key_pattern,
    "mappings": mappings,
    "plans": plans,
}


def _operation(door: Door) -> str:
    one = door.operation
    scope = f"Scope [`{one.scope.value}`](scopes.md)" if one.scope else "No key needed"
    facts = [
        scope,
        *(["takes an [`Idempotency-Key`](idempotency.md)"] if one.idempotent else []),
        *(["needs [`If-Match`](concurrency.md)"] if one.preconditioned else []),
    ]
    return (
        f"### [{door.summary}](operations/{one.name.replace('_', '-')}.md) {{ #{one.name.replace('_', '-')} }}\n\n"
        f"`{one.method.upper()} /v1{one.path}`{{ .operation .{one.method} }}\n\n{'; '.join(facts)}.\n"
    )


def _links(some: Iterable[Door]) -> str:
    links = [f"[{door.summary}](operations.md#{door.operation.name.replace('_', '-')})" for door in some]
    return "<br>".join(links) or "`GET /metrics`"


def _default(value: Any) -> str:
    match value:
        case bool():
            return f"`{str(value).lower()}`"
        case ():
            return "`[]`"
        case SecretStr() | "" | None:
            return "(empty)"
        case _:
            return f"`{value}`"


def _choices(annotation: Any) -> str:
    choices = get_args(annotation) if get_origin(annotation) is Literal else ()
    return f" One of {', '.join(f'`{choice}`' for choice in choices)}." if choices else ""
