"""`engage sandbox clock|advance|log-hash`: the time of a sandbox, from the command line."""

import json
from collections.abc import Awaitable, Callable
from typing import Annotated, Any

import typer

from engage_api.access.telling import MISUSED, Json, fail
from engage_api.sandbox.command import PLAIN, Which, WithDatabase, read, valid

Mode = Annotated[str | None, typer.Option(help="`frozen` or `running`.")]
Pace = Annotated[int | None, typer.Option(help="Seconds of it in one of ours, while it runs.")]
To = Annotated[str | None, typer.Option(help="To this moment, such as 2026-12-24T00:00:00Z.")]
By = Annotated[str | None, typer.Option(help="By this long (ISO 8601), such as P30D.")]


def add(app: typer.Typer, with_database: WithDatabase) -> None:
    """Add these commands."""
    _clock(app, with_database)
    _advance(app, with_database)
    _log_hash(app, with_database)


def _clock(app: typer.Typer, with_database: WithDatabase) -> None:
    @app.command("clock")
    def clock(sandbox: Which, mode: Mode = None, pace: Pace = None, *, as_json: Json = PLAIN) -> None:
        """Show the clock of a sandbox, freeze it, or let it run."""
        from engage_api.sandbox.clocks import service  # noqa: PLC0415  # each command loads what it needs
        from engage_api.sandbox.clocks.models import SandboxClockUpdate  # noqa: PLC0415  # as above

        given = {name: value for name, value in (("mode", mode), ("pace", pace)) if value is not None}
        wanted = valid(SandboxClockUpdate, given)

        async def work(db: Any) -> Any:
            return await (service.change(db, sandbox, wanted) if given else service.read(db, sandbox))

        found = _inside(with_database, sandbox, work)
        _tell(found, f"{found.now:%Y-%m-%d %H:%M:%S}  {found.mode}  pace {found.pace}", as_json=as_json)


def _advance(app: typer.Typer, with_database: WithDatabase) -> None:
    @app.command("advance")
    def advance(sandbox: Which, to: To = None, by: By = None, *, as_json: Json = PLAIN) -> None:
        """Move the clock of a sandbox on, with all that becomes due, here if no worker does it."""
        from engage_api.events.webhooks.sender import Sender  # noqa: PLC0415  # each command loads what it needs
        from engage_api.sandbox.clocks import going  # noqa: PLC0415  # as above
        from engage_api.sandbox.clocks.models import AdvanceCreate  # noqa: PLC0415  # as above
        from engage_api.settings import read as settings  # noqa: PLC0415  # as above

        if (to is None) == (by is None):
            fail("Give one of --to and --by, such as --by P30D.", MISUSED)
        wanted = valid(AdvanceCreate, {name: value for name, value in (("to", to), ("by", by)) if value is not None})
        done = _inside(with_database, sandbox, lambda db: going.through(db, Sender.open(settings()), sandbox, wanted))
        _tell(done, f"{done.id}  {done.state}  {done.moments} moments, until {done.to:%Y-%m-%d %H:%M}", as_json=as_json)
        if done.state != "done":
            raise typer.Exit(1)


def _log_hash(app: typer.Typer, with_database: WithDatabase) -> None:
    @app.command("log-hash")
    def log_hash(sandbox: Which, *, as_json: Json = PLAIN) -> None:
        """Hash all that happened in a sandbox: the same script in the same world gives the same."""
        from engage_api.access import operator  # noqa: PLC0415  # as above
        from engage_api.access.worlds import LIVE  # noqa: PLC0415  # as above
        from engage_api.sandbox.clocks import hashing  # noqa: PLC0415  # as above

        async def work(db: Any) -> Any:
            return await hashing.read(db, await operator.principal(db, LIVE), sandbox)

        found = _inside(with_database, sandbox, work)
        _tell(found, f"{found.hash}  {found.events} events", as_json=as_json)


def _inside(with_database: WithDatabase, sandbox: str, work: Callable[[Any], Awaitable[Any]]) -> Any:
    async def run(db: Any, _: bytes) -> Any:
        await read(db, sandbox)
        return await work(db)

    return with_database(run)


def _tell(found: Any, text: str, *, as_json: bool) -> None:
    typer.echo(json.dumps(json.loads(found.model_dump_json(by_alias=True))) if as_json else text)
