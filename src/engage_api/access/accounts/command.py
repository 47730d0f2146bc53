"""`engage accounts list|disable|enable|delete`: what an operator can do about people."""

import json
from collections.abc import Awaitable, Callable
from typing import Annotated, Any

import typer

Work = Callable[[Any, bytes], Awaitable[Any]]
Who = Annotated[str, typer.Argument(help="The account's id, `acc_…`, or its e-mail address.", show_default=False)]
Json = Annotated[bool, typer.Option("--json", help="Answer as JSON, for scripts.")]
PLAIN: Json = False


def commands(with_database: Callable[[Work], Any]) -> typer.Typer:
    """The commands. `with_database` runs something with the database of the settings, and tells what is unknown."""
    app = typer.Typer(help="Accounts of people.", no_args_is_help=True)

    def act(verb: str, done: str, who: str, *, as_json: bool) -> None:
        from engage_api.access.accounts import operator  # noqa: PLC0415  # each command loads what it needs, and no more

        account = with_database(lambda db, _: getattr(operator, verb)(db, who))
        typer.echo(json.dumps({"id": account, done: True}) if as_json else f"{account} is {done}.")

    @app.command("list")
    def list_accounts(*, as_json: Json = PLAIN) -> None:
        """List all accounts, the oldest first."""
        from engage_api.access.accounts import operator  # noqa: PLC0415  # as above

        found = with_database(lambda db, _: operator.people(db))
        if as_json:
            typer.echo(json.dumps({"items": found}))
            return
        for one in found:
            typer.echo("  ".join([one["id"], one["state"], one["email"], one["name"]]))

    @app.command("disable")
    def disable_account(who: Who, *, as_json: Json = PLAIN) -> None:
        """Let somebody in no more. All their sessions end at once."""
        act("disable", "disabled", who, as_json=as_json)

    @app.command("enable")
    def enable_account(who: Who, *, as_json: Json = PLAIN) -> None:
        """Let somebody in again."""
        act("enable", "enabled", who, as_json=as_json)

    @app.command("delete")
    def delete_account(who: Who, *, as_json: Json = PLAIN) -> None:
        """Delete an account, with its sessions. There is no way back."""
        act("delete", "deleted", who, as_json=as_json)

    return app
