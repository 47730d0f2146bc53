"""`engage sandbox …`: sandboxes, worked on in the database itself."""

import json
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import typer
from pydantic import ValidationError

from engage_api.access.telling import MISUSED, Json, fail, refuse

Work = Callable[[Any, bytes], Awaitable[Any]]
WithDatabase = Callable[[Work], Any]
"""Runs something with the database of the settings and the secret of its keys, and tells what is unknown."""
Which = Annotated[str, typer.Argument(help="The sandbox's id, `sbx_…`.", show_default=False)]
PLAIN: Json = False


def commands(with_database: WithDatabase) -> typer.Typer:
    """The commands, each part in a function of its own."""
    from engage_api.sandbox import trying_command  # noqa: PLC0415  # which takes from here what all parts share
    from engage_api.sandbox.clocks import command as clocks_command  # noqa: PLC0415  # as above
    from engage_api.sandbox.copies import command as copies_command  # noqa: PLC0415  # as above

    app = typer.Typer(help="Sandboxes: worlds made for trying.", no_args_is_help=True)
    _looks(app, with_database)
    _makes(app, with_database)
    _changes(app, with_database)
    trying_command.add(app, with_database)
    clocks_command.add(app, with_database)
    copies_command.add(app, with_database)
    return app


def _looks(app: typer.Typer, with_database: WithDatabase) -> None:
    @app.command("list")
    def list_sandboxes(*, as_json: Json = PLAIN) -> None:
        """List all sandboxes, the newest first."""
        from engage_api.access import operator  # noqa: PLC0415  # each command loads what it needs
        from engage_api.access.worlds import LIVE  # noqa: PLC0415  # as above
        from engage_api.db import reader  # noqa: PLC0415  # as above
        from engage_api.sandbox.models import SANDBOX  # noqa: PLC0415  # as above

        async def work(db: Any, _: bytes) -> Any:
            return await reader.every(db, await operator.principal(db, LIVE), SANDBOX, {}, "-createdAt")

        found = [json.loads(document) for document in with_database(work)]
        if as_json:
            typer.echo(json.dumps({"items": found}))
            return
        for one in found:
            typer.echo(line(one))

    @app.command("show")
    def show(sandbox: Which, *, as_json: Json = PLAIN) -> None:
        """Show a sandbox."""
        found = with_database(lambda db, _: read(db, sandbox))
        if as_json:
            typer.echo(json.dumps(found))
            return
        for name, value in found.items():
            typer.echo(f"{name:10}  {'-' if value is None else json.dumps(value, ensure_ascii=False)}")


def _makes(app: typer.Typer, with_database: WithDatabase) -> None:
    @app.command("create")
    def create(
        size: Annotated[str, typer.Option(help="`empty`, `tiny`, `small`, `medium` or `large`.")] = "tiny",
        name: Annotated[str, typer.Option(help="What you call it.")] = "Command line",
        seed: Annotated[str | None, typer.Option(help="What it is filled from; else something new.")] = None,
        lifetime: Annotated[str, typer.Option(help="How long it stays (ISO 8601), at most P90D.")] = "P30D",
        clock: Annotated[str, typer.Option(help='How its clock begins, as JSON: `{"mode": "frozen"}`.')] = "{}",
        *,
        as_json: Json = PLAIN,
    ) -> None:
        """Make a sandbox and fill it. Its key is shown this once."""
        new = _planned({"size": size, "name": name, "seed": seed, "lifetime": lifetime, "clock": clock})
        with _bar() as note:
            stored, made = with_database(lambda db, pepper: _open(db, pepper, new, note))
        if as_json:
            typer.echo(json.dumps({**json.loads(stored.document), "key": made.reveal()}))
        else:
            typer.echo(f"{stored.model.id}  {made.reveal()}")


def _changes(app: typer.Typer, with_database: WithDatabase) -> None:
    @app.command("update")
    def update(
        sandbox: Which,
        name: Annotated[str | None, typer.Option(help="What you call it from now on.")] = None,
        expires_at: Annotated[
            str | None, typer.Option(help="When it goes, in our time, such as 2026-12-24T00:00:00Z.")
        ] = None,
        *,
        as_json: Json = PLAIN,
    ) -> None:
        """Change the name of a sandbox, or when it goes."""
        from engage_api.sandbox.models import SandboxUpdate  # noqa: PLC0415  # as above

        given = {key: value for key, value in (("name", name), ("expiresAt", expires_at)) if value is not None}
        if not given:
            fail("Give --name or --expires-at.", MISUSED)
        wanted = valid(SandboxUpdate, given)
        found = json.loads(with_database(lambda db, _: _update(db, sandbox, wanted)))
        typer.echo(json.dumps(found) if as_json else line(found))

    @app.command("delete")
    def delete(sandbox: Which, *, as_json: Json = PLAIN) -> None:
        """End a sandbox: its keys and tokens at once; what is in it goes with the next job of the service."""
        with_database(lambda db, _: _delete(db, sandbox))
        typer.echo(json.dumps({"id": sandbox, "deleted": True}) if as_json else f"{sandbox} is deleted.")


def _planned(given: dict[str, Any]) -> Any:
    """What is to be made, or the end of the command with what is wrong with it."""
    from engage_api.core.problem import InvalidRequest  # noqa: PLC0415  # as above
    from engage_api.sandbox.models import SandboxCreate  # noqa: PLC0415  # as above
    from engage_api.sandbox.opening import planned  # noqa: PLC0415  # as above

    try:
        start = json.loads(given["clock"])
    except json.JSONDecodeError:
        refuse(InvalidRequest("The clock is no JSON."), MISUSED)
    wanted = valid(SandboxCreate, {**given, "clock": start})
    try:
        return planned(wanted, guest=False)
    except InvalidRequest as wrong:
        refuse(wrong, MISUSED)


def valid(model: Any, given: dict[str, Any]) -> Any:
    """What was typed, as the API would take it; or the end of the command with what is wrong with it."""
    from engage_api.http.problems import invalid  # noqa: PLC0415  # as above

    try:
        return model.model_validate_json(json.dumps(given))
    except ValidationError as error:
        refuse(invalid(error), MISUSED)


@contextmanager
def _bar() -> Iterator[Callable[[int, int], Awaitable[None]]]:
    """A bar that shows how far it is, where somebody looks."""
    from rich.console import Console  # noqa: PLC0415  # as above
    from rich.progress import Progress  # noqa: PLC0415  # as above

    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("Filling", total=None)

        async def note(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total)

        yield note


async def _open(db: Any, pepper: bytes, new: Any, note: Any) -> Any:
    from engage_api.sandbox.opening import open_here  # noqa: PLC0415  # as above

    return await open_here(db, pepper, new, note)


async def _update(db: Any, sandbox_id: str, wanted: Any) -> bytes:
    from engage_api.access import operator  # noqa: PLC0415  # as above
    from engage_api.access.worlds import LIVE  # noqa: PLC0415  # as above
    from engage_api.sandbox import service  # noqa: PLC0415  # as above

    await read(db, sandbox_id)
    who = await operator.principal(db, LIVE)
    async with db.write(LIVE) as tx:
        changed: bytes = (await service.change(tx, who, sandbox_id, wanted, "*")).document
    return changed


async def _delete(db: Any, sandbox_id: str) -> None:
    from engage_api.access import operator  # noqa: PLC0415  # as above
    from engage_api.access.worlds import LIVE  # noqa: PLC0415  # as above
    from engage_api.sandbox import service  # noqa: PLC0415  # as above

    await read(db, sandbox_id)
    who = await operator.principal(db, LIVE)
    async with db.write(LIVE) as tx:
        await service.delete(tx, who, sandbox_id, "*")


async def read(db: Any, sandbox_id: str) -> dict[str, Any]:
    """The sandbox as it would be answered; Unknown when there is none."""
    from engage_api.access import operator  # noqa: PLC0415  # as above
    from engage_api.access.worlds import LIVE  # noqa: PLC0415  # as above
    from engage_api.core.problem import NotFound  # noqa: PLC0415  # as above
    from engage_api.sandbox import service  # noqa: PLC0415  # as above

    try:
        stored = await service.require(db, await operator.principal(db, LIVE), sandbox_id)
    except NotFound:
        raise operator.Unknown(f"no sandbox {sandbox_id!r}") from None
    found: dict[str, Any] = json.loads(stored.document)
    return found


def line(one: dict[str, Any]) -> str:
    """A sandbox in a line."""
    return f"{one['id']}  {one['state']:9}  {one['size']:6}  until {one['expiresAt'] or 'deleted'}  {one['name']}"
