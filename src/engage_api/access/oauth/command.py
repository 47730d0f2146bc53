"""`engage oauth keys|rotate`: what an operator can do about the keys that sign."""

import json
from collections.abc import Awaitable, Callable
from typing import Annotated, Any

import typer

Work = Callable[[Any, bytes], Awaitable[Any]]
Json = Annotated[bool, typer.Option("--json", help="Answer as JSON, for scripts.")]
PLAIN: Json = False


def commands(with_database: Callable[[Work], Any], secret: Callable[[], bytes]) -> typer.Typer:
    """The commands. `with_database` runs something with the database of the settings, whose secret `secret` tells."""
    app = typer.Typer(help="The keys that sign tokens.", no_args_is_help=True)

    def act(work: Callable[[Any], Awaitable[Any]]) -> Any:
        from engage_api.access.oauth.signing import PURPOSE, Keyring  # noqa: PLC0415  # each command loads what it needs
        from engage_api.core.secret import derive  # noqa: PLC0415  # as above

        return with_database(lambda db, _: work(Keyring(db, derive(secret(), PURPOSE))))

    @app.command("keys")
    def list_keys(*, as_json: Json = PLAIN) -> None:
        """List the keys that are published: the next one, the active one, and retired ones."""
        found = act(_listed)
        if as_json:
            typer.echo(json.dumps({"items": found}))
            return
        for one in found:
            typer.echo("  ".join(one.values()))

    @app.command("rotate")
    def rotate_keys(
        revoke: Annotated[str, typer.Option(help="End this key at once instead: it is in the wrong hands.")] = "",
        *,
        as_json: Json = PLAIN,
    ) -> None:
        """Publish the key that signs from tomorrow on. It happens by itself every 90 days."""
        kid = act(lambda ring: _revoked(ring, revoke) if revoke else ring.rotate())
        done = {"active": kid, "revoked": revoke} if revoke else {"next": kid}
        told = f"{revoke} is revoked, {kid} signs." if revoke else f"{kid} signs in a day at the latest."
        typer.echo(json.dumps(done) if as_json else told)

    return app


async def _listed(ring: Any) -> list[dict[str, str]]:
    from engage_api.core import clock  # noqa: PLC0415  # as above

    return [
        {"kid": stage.row.id, "state": stage.state, "signsFrom": clock.wire(stage.row.signs_from)}
        for stage in await ring.stages()
    ]


async def _revoked(ring: Any, kid: str) -> str:
    from engage_api.access.operator import Unknown  # noqa: PLC0415  # as above

    active = await ring.revoke(kid)
    if active is None:
        raise Unknown(f"there is no signing key {kid!r}")
    return str(active)
