"""The `engage` command."""

import asyncio
import gc
import json
import sys
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

from engage_api.access.accounts.command import commands as accounts_commands
from engage_api.access.jobs.command import commands as jobs_commands
from engage_api.access.members.command import commands as admin_commands
from engage_api.access.oauth.command import commands as oauth_commands
from engage_api.access.telling import FAILED, Json, fail, refuse, start, tell
from engage_api.events.webhooks.command import commands as webhooks_commands
from engage_api.imports.command import app as import_app
from engage_api.sandbox.command import commands as sandbox_commands
from engage_api.settings import Misconfigured, Settings, read

T = TypeVar("T")

app = typer.Typer(
    help="Engage API: an open API platform with its developer portal.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,  # they would show local variables, secrets among them
)
keys_app = typer.Typer(help="API keys.", no_args_is_help=True)
app.add_typer(keys_app, name="keys")
app.add_typer(import_app, name="import")
app.add_typer(webhooks_commands(), name="webhooks")
Workspace = Annotated[str, typer.Option(help="`live`, or the id of a sandbox.")]


def main() -> None:
    """Run the command, and say what was wrong in one line."""
    from engage_api.db.errors import Unavailable  # noqa: PLC0415  # each command loads what it needs, and no more

    try:
        start(app)
    except Unavailable as error:
        tell(str(error))
        raise SystemExit(FAILED) from None


def settings(**given: Any) -> Settings:
    """The settings of the environment, or the end of the command with what is wrong with them."""
    try:
        return read(**given)
    except Misconfigured as error:
        fail(str(error))


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on.")] = None,
    workers: Annotated[int, typer.Option(min=1, max=64, help="How many processes serve.")] = 1,
) -> None:
    """Serve the API and the portal. Migrates by itself; in development it prints a request that works."""
    found = settings(**{name: value for name, value in (("host", host), ("port", port)) if value is not None})
    gc.disable()  # nothing ends while all is loaded: looking for what did takes a tenth of the start
    from engage_api import server  # noqa: PLC0415  # as above

    gc.freeze()
    gc.enable()
    try:
        server.serve(found, workers)
    except Misconfigured as error:
        fail(str(error))


@app.command()
def worker() -> None:
    """Work through durable jobs in a process of its own, beside `engage serve` with ENGAGE_WORKER=false."""
    from engage_api import server  # noqa: PLC0415  # as above

    try:
        server.work(settings())
    except Misconfigured as error:
        fail(str(error))


@app.command()
def migrate() -> None:
    """Bring the database to the schema of this version."""
    from engage_api.db.migrate import upgrade  # noqa: PLC0415  # as above

    typer.echo("Migrated." if upgrade(settings().owner_database) else "Nothing to do.")


@app.command()
def reseal(*, yes: Annotated[bool, typer.Option("--yes", help="Do it without asking.")] = False) -> None:
    """Go on with a new ENGAGE_SECRET_KEY when the former one is lost. Every key, token and session has ended then."""
    from engage_api.access import seal  # noqa: PLC0415  # as above

    if not yes:
        typer.confirm(
            "Every key, token, session and secret of a client or webhook made with another one ends. Go on?", abort=True
        )
    with_database(lambda db, _: seal.replace(db, settings().secret()), sealed=False)
    typer.echo("The database goes on with this secret.")


@app.command()
def reindex(*, as_json: Json = False) -> None:
    """Render every document anew and rebuild what finds it: after restoring, or when a version says so."""
    from rich.console import Console  # noqa: PLC0415  # as above
    from rich.progress import Progress  # noqa: PLC0415  # as above

    from engage_api.app import KINDS  # noqa: PLC0415  # as above
    from engage_api.db.reindex import Tally, run  # noqa: PLC0415  # as above

    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("Resources")

        def told(tally: Tally) -> None:
            bar.update(task, total=tally.total, completed=tally.seen)

        done = with_database(lambda db, _: run(db, KINDS, told))
    text = f"{done.seen:,} resources, {done.written:,} written anew, {done.dropped:,} terms dropped."
    typer.echo(json.dumps(asdict(done)) if as_json else text)


@app.command()
def openapi(
    *,
    check: Annotated[bool, typer.Option("--check", help="Only see whether the files are up to date.")] = False,
    folder: Annotated[Path, typer.Option(help="Where the files are.")] = Path("openapi"),
) -> None:
    """Write the description of the API."""
    from engage_api.app import create_api  # noqa: PLC0415  # as above
    from engage_api.http.contract import documents  # noqa: PLC0415  # as above

    for name, text in documents(create_api()).items():
        path = folder / name
        if not check:
            path.write_bytes(text)
        elif not path.is_file() or path.read_bytes() != text:
            fail(f"{path} is not up to date: run `engage openapi` and commit it")


@keys_app.command("create")
def create_key(
    scopes: Annotated[str, typer.Option("--scopes", help="`*`, or scopes with commas between them.")],
    workspace: Workspace = "live",
    name: Annotated[str, typer.Option(help="What it is for.")] = "Command line",
    plan: Annotated[str, typer.Option(help="The plan that limits it.")] = "developer",
    *,
    as_json: Json = False,
) -> None:
    """Make an API key. It is shown this once."""
    from engage_api.access import operator  # noqa: PLC0415  # as above

    async def work(db: Any, pepper: bytes) -> tuple[Any, Any]:
        who = await operator.principal(db, workspace, plan=plan)
        return await operator.make_key(db, who, pepper, name=name, wanted=operator.scopes(scopes))

    stored, made = with_database(work)
    if as_json:
        typer.echo(json.dumps({**json.loads(stored.document), "key": made.reveal()}))
    else:
        typer.echo(f"{stored.model.id}  {made.reveal()}")


@keys_app.command("list")
def list_keys(workspace: Workspace = "live", *, as_json: Json = False) -> None:
    """List the API keys of a workspace."""
    from engage_api.access import operator  # noqa: PLC0415  # as above

    documents = with_database(lambda db, _: operator.list_keys(db, workspace))
    found = [json.loads(document) for document in documents]
    if as_json:
        typer.echo(json.dumps({"items": found}))
        return
    if not found and sys.stderr.isatty():
        from engage_api.db.migrate import place  # noqa: PLC0415  # as above

        typer.echo(f"No keys in workspace {workspace} of {place(settings().database)}", err=True)
    for key in found:
        typer.echo(f"{key['id']}  {key['hint']}  {key['name']}  {' '.join(key['scopes'])}")


@keys_app.command("revoke")
def revoke_key(
    key_id: Annotated[str, typer.Argument(help="The key's id, `key_…`.")],
    workspace: Workspace = "live",
    *,
    as_json: Json = False,
) -> None:
    """End an API key."""
    from engage_api.access import operator  # noqa: PLC0415  # as above
    from engage_api.core.problem import NotFound  # noqa: PLC0415  # as above

    async def work(db: Any, _: bytes) -> None:
        try:
            await operator.revoke_key(db, workspace, key_id)
        except NotFound:
            raise operator.Unknown(f"no key {key_id!r} in workspace {workspace}") from None

    with_database(work)
    typer.echo(json.dumps({"id": key_id, "revoked": True}) if as_json else f"{key_id} is revoked.")


def with_database(work: Callable[[Any, bytes], Awaitable[T]], *, sealed: bool = True) -> T:
    """Do something with the database, which must be there, migrated and opened, and the secret of its keys. `sealed`:
    its own secret must be ours.
    """
    from engage_api.access import seal  # noqa: PLC0415  # as above
    from engage_api.access.operator import Unknown  # noqa: PLC0415  # as above
    from engage_api.core.problem import Problem  # noqa: PLC0415  # as above
    from engage_api.core.secret import derive  # noqa: PLC0415  # as above
    from engage_api.db import open_database  # noqa: PLC0415  # as above
    from engage_api.db.migrate import upgrade  # noqa: PLC0415  # as above

    found = settings()
    upgrade(found.owner_database, new=False)

    async def run() -> T:
        db = await open_database(found.database)
        try:
            if sealed:
                await seal.require_same(db, found.secret())
            return await work(db, derive(found.secret(), "api-keys"))
        finally:
            await db.close()

    try:
        return asyncio.run(run())
    except Problem as problem:
        refuse(problem)
    except (Unknown, Misconfigured) as error:
        fail(str(error))


app.add_typer(accounts_commands(with_database), name="accounts")
app.add_typer(jobs_commands(with_database), name="jobs")
app.add_typer(oauth_commands(with_database, lambda: settings().secret()), name="oauth")
app.add_typer(admin_commands(with_database, settings), name="admin")
app.add_typer(sandbox_commands(with_database), name="sandbox")
