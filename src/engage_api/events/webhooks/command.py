"""`engage webhooks listen`: the events of a service, posted to a program on one's own machine."""

from typing import Annotated

import typer

DONE, FAILED, MISUSED = 0, 1, 2
"""Exit codes: ended by whoever began it; the service refuses; called wrongly."""

Forward = Annotated[
    str, typer.Option("--forward", help="Where events go: `http://localhost:3000/hook`.", show_default=False)
]
Url = Annotated[str, typer.Option("--url", envvar="ENGAGE_URL", help="The service: https, or this machine.")]
ApiKey = Annotated[
    str,
    typer.Option(
        "--key", envvar="ENGAGE_API_KEY", help="An API key with `events:read`. Never printed.", show_default=False
    ),
]
Types = Annotated[
    list[str] | None, typer.Option("--type", help="Only this type, or `engage.case.*`. May be given again.")
]
Secret = Annotated[str, typer.Option("--secret", help="Sign with this `whsec_…`. Else a new one is made and printed.")]
Json = Annotated[bool, typer.Option("--json", help="One JSON object a line, for scripts.")]
NONE: Types = None
PLAIN: Json = False


def commands() -> typer.Typer:
    """The commands."""
    app = typer.Typer(help="Webhooks, while you develop.", no_args_is_help=True)

    @app.callback()
    def group() -> None:
        """Webhooks, while you develop."""

    @app.command("listen")
    def listen(
        forward: Forward,
        key: ApiKey,
        url: Url = "http://127.0.0.1:8000",
        types: Types = NONE,
        secret: Secret = "",
        *,
        as_json: Json = PLAIN,
    ) -> None:
        """Post what happens from now on to a local program, signed as webhooks are, until Ctrl-C.

        What the program does not take is told and not sent again. After an outage it goes on where it was.
        """
        from engage_api.events.webhooks import listen as work  # noqa: PLC0415  # each command loads what it needs

        try:
            work.listen(work.Order(url.rstrip("/"), key, forward, types or [], secret), as_json=as_json)
        except work.Misuse as wrong:
            typer.echo(f"engage: {wrong}", err=True)
            raise typer.Exit(MISUSED) from None
        except work.Refused as refused:
            typer.echo(f"engage: {refused}", err=True)
            raise typer.Exit(FAILED) from None

    return app
