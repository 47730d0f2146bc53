"""`engage admin create-owner|approve|suspend|organizations`: what the operator's own people begin with."""

import json
import sys
from collections.abc import Awaitable, Callable
from typing import Annotated, Any

import typer

from engage_api.settings import Settings

Work = Callable[[Any, bytes], Awaitable[Any]]
Which = Annotated[str, typer.Argument(help="The organization's id, `org_…`.", show_default=False)]
Json = Annotated[bool, typer.Option("--json", help="Answer as JSON, for scripts.")]
PLAIN: Json = False


def commands(with_database: Callable[[Work], Any], settings: Callable[[], Settings]) -> typer.Typer:
    """The commands. `with_database` runs something with the database of the settings, and tells what is unknown."""
    app = typer.Typer(help="The operator's own people, and who is let in.", no_args_is_help=True)
    _owners(app, with_database, settings)
    _organizations(app, with_database)
    return app


def _owners(app: typer.Typer, with_database: Callable[[Work], Any], settings: Callable[[], Settings]) -> None:
    @app.command("create-owner")
    def create_owner(
        email: Annotated[str, typer.Argument(help="Their e-mail address.", show_default=False)],
        name: Annotated[str, typer.Option(help="What they are called; else what stands before the @.")] = "",
        *,
        password_stdin: Annotated[
            bool, typer.Option("--password-stdin", help="Read their password from the standard input.")
        ] = False,
        as_json: Json = PLAIN,
    ) -> None:
        """Make somebody an owner of the operator's organization. Prints where they choose their password."""
        from engage_api.access.accounts.service import Accounts  # noqa: PLC0415  # each command loads what it needs
        from engage_api.access.members import admin  # noqa: PLC0415  # as above

        password = sys.stdin.readline().rstrip("\r\n") if password_stdin else ""

        async def work(db: Any, _: bytes) -> Any:
            accounts = Accounts.open(settings(), db)
            try:
                return await admin.create_owner(accounts, email, name, password)
            finally:
                accounts.close()

        made = with_database(work)
        if as_json:
            typer.echo(json.dumps(made._asdict()))
            return
        typer.echo(f"{made.email} is an owner of the operator's organization.")
        if made.link:
            typer.echo(f"Choose the password here, within an hour: {made.link}")
            typer.echo("It begins with ENGAGE_PUBLIC_URL; if the service runs at another port, put that into the link.")


def _organizations(app: typer.Typer, with_database: Callable[[Work], Any]) -> None:
    def act(which: str, to: Any, *, as_json: bool) -> None:
        from engage_api.access.members import admin  # noqa: PLC0415  # as above

        moved = with_database(lambda db, _: admin.move(db, which, to))
        told = f"{which} is {to}." if moved else f"{which} is {to} already."
        typer.echo(json.dumps({"id": which, "state": to}) if as_json else told)

    @app.command("approve")
    def approve(organization: Which, *, as_json: Json = PLAIN) -> None:
        """Let an organization's applications into the live workspace, each when it is let in itself."""
        act(organization, "approved", as_json=as_json)

    @app.command("suspend")
    def suspend(organization: Which, *, as_json: Json = PLAIN) -> None:
        """Let none of an organization's keys and tokens work, until it is approved again."""
        act(organization, "suspended", as_json=as_json)

    @app.command("organizations")
    def organizations(
        state: Annotated[str | None, typer.Option(help="Only `pending`, `approved` or `suspended` ones.")] = None,
        *,
        as_json: Json = PLAIN,
    ) -> None:
        """List organizations, the oldest first."""
        from engage_api.access.members import admin  # noqa: PLC0415  # as above

        found = [json.loads(document) for document in with_database(lambda db, _: admin.listed(db, state))]
        if as_json:
            typer.echo(json.dumps({"items": found}))
            return
        for one in found:
            typer.echo("  ".join([one["id"], one["state"], one["kind"], one["name"]]))
