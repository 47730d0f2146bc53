"""`engage sandbox …`: sandboxes, worked on in the database itself."""

import json
from collections.abc import Awaitable, Callable
from typing import Annotated, Any

import typer

Work = Callable[[Any, bytes], Awaitable[Any]]
WithDatabase = Callable[[Work], Any]
"""Runs something with the database of the settings and the secret of its keys, and tells what is unknown."""
Which = Annotated[str, typer.Argument(help="The sandbox's id, `sbx_…`.", show_default=False)]
Json = Annotated[bool, typer.Option("--json", help="Answer as JSON, for scripts.")]
PLAIN: Json = False


def commands(with_database: WithDatabase) -> typer.Typer:
    """The commands, each part in a function of its own."""
    from engage_api.sandbox import trying_command  # noqa: PLC0415  # which takes from here what all parts share

    app = typer.Typer(help="Sandboxes: worlds made for trying.", no_args_is_help=True)
    _looks(app, with_database)
    trying_command.add(app, with_database)
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
