"""`engage sandbox reset|fork|snapshot|snapshots|delete-snapshot|restore|export|import`: copies of sandboxes."""

import json
import sys
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import IO, Annotated, Any

import typer

from engage_api.access.telling import MISUSED, Json, fail
from engage_api.sandbox.command import PLAIN, Which, WithDatabase

SnapshotId = Annotated[str, typer.Argument(help="The snapshot's id, `snp_…`.", show_default=False)]
Name = Annotated[str | None, typer.Option(help="What you call it.")]
From = Annotated[str, typer.Argument(help="A file, or `-`.", show_default=False)]
To = Annotated[typer.FileBinaryWrite, typer.Argument(help="A file, or `-`.", show_default=False)]
Of = Annotated[str | None, typer.Option("--snapshot", help="A snapshot of it; a large sandbox needs one.")]
STDOUT = ("-", "<stdout>")
Do = Callable[[Any], Awaitable[dict[str, Any]]]


def add(app: typer.Typer, with_database: WithDatabase) -> None:
    """Add these commands."""
    _copies(app, with_database)
    _snapshots(app, with_database)
    _files(app, with_database)


def _copies(app: typer.Typer, with_database: WithDatabase) -> None:
    def tell(do: Do, *, as_json: bool) -> None:
        from engage_api.sandbox.copies import working  # noqa: PLC0415  # each command loads what it needs

        found = with_database(lambda db, pepper: do(working.Desk(db, pepper)))
        typer.echo(
            json.dumps(found) if as_json else " ".join([found["id"], found["state"], found.get("key", "")]).strip()
        )
        if found["state"] != "ready":
            raise typer.Exit(1)

    @app.command("reset")
    def reset(sandbox: Which, *, as_json: Json = PLAIN) -> None:
        """Make a sandbox as it was made. Its first key stays, all others end."""
        tell(lambda desk: desk.reset(sandbox), as_json=as_json)

    @app.command("fork")
    def fork(sandbox: Which, name: Name = None, *, as_json: Json = PLAIN) -> None:
        """Copy a sandbox to a new one. Its key is shown this once."""
        tell(lambda desk: desk.fork(sandbox, name), as_json=as_json)

    @app.command("snapshot")
    def snapshot(sandbox: Which, name: Name = None, *, as_json: Json = PLAIN) -> None:
        """Take a snapshot of a sandbox, to go back to."""
        tell(lambda desk: desk.snapshot(sandbox, name or "Snapshot"), as_json=as_json)

    @app.command("restore")
    def restore(sandbox: Which, snapshot: SnapshotId, *, as_json: Json = PLAIN) -> None:
        """Bring a sandbox back to a snapshot. Keys that were made since then end."""
        tell(lambda desk: desk.restore(sandbox, snapshot), as_json=as_json)


def _snapshots(app: typer.Typer, with_database: WithDatabase) -> None:
    @app.command("snapshots")
    def snapshots(sandbox: Which, *, as_json: Json = PLAIN) -> None:
        """List the snapshots of a sandbox, the newest first."""
        from engage_api.sandbox.copies import working  # noqa: PLC0415  # as above

        found = with_database(lambda db, pepper: working.Desk(db, pepper).snapshots(sandbox))
        if as_json:
            typer.echo(json.dumps({"items": found}))
            return
        if not found:
            typer.echo("The sandbox has no snapshots.", err=True)
        for one in found:
            typer.echo(f"{one['id']}  {one['state']:7}  {one['clock']}  {one['name']}")

    @app.command("delete-snapshot")
    def delete_snapshot(sandbox: Which, snapshot: SnapshotId, *, as_json: Json = PLAIN) -> None:
        """Delete a snapshot of a sandbox."""
        from engage_api.sandbox.copies import working  # noqa: PLC0415  # as above

        with_database(lambda db, pepper: working.Desk(db, pepper).delete_snapshot(sandbox, snapshot))
        typer.echo(json.dumps({"id": snapshot, "deleted": True}) if as_json else f"{snapshot} is deleted.")


def _files(app: typer.Typer, with_database: WithDatabase) -> None:
    @app.command("export")
    def export(sandbox: Which, file: To, snapshot: Of = None, *, as_json: Json = PLAIN) -> None:
        """Write a sandbox to a file, without secrets."""
        from engage_api.sandbox.copies import working  # noqa: PLC0415  # as above

        size = with_database(lambda db, pepper: working.Desk(db, pepper).export(sandbox, snapshot, file))
        told = json.dumps({"id": sandbox, "bytes": size}) if as_json else f"{sandbox}: {size} bytes"
        typer.echo(told, err=getattr(file, "name", "-") in STDOUT)

    @app.command("import")
    def import_file(file: From, *, as_json: Json = PLAIN) -> None:
        """Make a sandbox from a file that an export has written. Its key is shown this once."""
        from engage_api.sandbox.copies import working  # noqa: PLC0415  # as above

        with _opened(file) as source:
            found = with_database(lambda db, pepper: working.Desk(db, pepper).take(source))
        typer.echo(json.dumps(found) if as_json else f"{found['id']} {found['state']} {found['key']}")


def _opened(file: str) -> AbstractContextManager[IO[bytes]]:
    if file == "-":
        return nullcontext(sys.stdin.buffer)
    try:
        return Path(file).open("rb")
    except OSError as error:
        fail(f"{file}: {error.strerror}", MISUSED)
