"""`engage jobs list|show|replay|retry-all`: what is still to do, and letting what failed for good run again."""

import json
from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Literal

import typer

Work = Callable[[Any, bytes], Awaitable[Any]]
Which = Annotated[str, typer.Argument(help="The job's id, `job_…`.", show_default=False)]
Kind = Annotated[str | None, typer.Option(help="Only those of this kind, such as `account.mail`.")]
State = Annotated[
    Literal["queued", "running", "dead"] | None, typer.Option(help="Only `queued`, `running` or `dead` ones.")
]
Json = Annotated[bool, typer.Option("--json", help="Answer as JSON, for scripts.")]
PLAIN: Json = False
ALL: State = None
USUAL = 50
MISUSED = 2


def commands(with_database: Callable[[Work], Any]) -> typer.Typer:
    """The commands. `with_database` runs something with the database of the settings, and tells what is unknown."""
    app = typer.Typer(help="Durable jobs: what is still to do.", no_args_is_help=True)
    _looks(app, with_database)
    _replays(app, with_database)
    return app


def _looks(app: typer.Typer, with_database: Callable[[Work], Any]) -> None:
    @app.command("list")
    def list_jobs(
        state: State = ALL,
        kind: Kind = None,
        limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many at most.")] = USUAL,
        *,
        as_json: Json = PLAIN,
    ) -> None:
        """List jobs that are not done, the newest first."""
        from engage_api.access.jobs import service  # noqa: PLC0415  # each command loads what it needs
        from engage_api.jobs.operators import Ask  # noqa: PLC0415  # as above

        given = {"kind": kind, "state": state}
        filters = {name: value for name, value in given.items() if value is not None}
        found = with_database(lambda db, _: service.find(db, Ask(filters, None, limit)))
        if not found:
            _require(kind)
        if as_json:
            typer.echo(json.dumps({"items": [_plain(one) for one in found]}))
            return
        for one in found:
            typer.echo(_line(one))

    @app.command("show")
    def show(job: Which, *, as_json: Json = PLAIN) -> None:
        """Show a job. When it is done there is none any more."""
        from engage_api.access.jobs import service  # noqa: PLC0415  # as above

        found = _plain(with_database(lambda db, _: _known(job, service.one(db, job))))
        if as_json:
            typer.echo(json.dumps(found))
            return
        for name, value in found.items():
            typer.echo(f"{name:12}  {'-' if value is None else value}")


def _replays(app: typer.Typer, with_database: Callable[[Work], Any]) -> None:
    @app.command("replay")
    def replay(job: Which, *, as_json: Json = PLAIN) -> None:
        """Let a dead job run again, with all its attempts."""
        from engage_api.access.jobs import service  # noqa: PLC0415  # as above

        async def work(db: Any, _: bytes) -> Any:
            async with db.system.write(None) as tx:
                return await _known(job, service.replay(tx, job))

        found = with_database(work)
        typer.echo(json.dumps(_plain(found)) if as_json else f"{job} is queued again.")

    @app.command("retry-all")
    def retry_all(kind: Kind = None, *, as_json: Json = PLAIN) -> None:
        """Let all dead jobs run again; one whose work is queued already by another stays as it is."""
        from engage_api.access.jobs import service  # noqa: PLC0415  # as above

        queued, left = with_database(lambda db, _: service.replay_all(db, kind))
        if not queued + left:
            _require(kind)
        told = f"{queued} queued again, {left} left: the same work is queued already."
        typer.echo(json.dumps({"queued": queued, "left": left}) if as_json else told)


def _require(kind: str | None) -> None:
    """End when there is no such kind. Called when there was no job of it: another version's may be there."""
    from engage_api.access.jobs.models import KINDS  # noqa: PLC0415  # as above

    if kind is not None and kind not in KINDS:
        typer.echo(f"engage: no kind {kind!r}; there are: {', '.join(KINDS)}", err=True)
        raise typer.Exit(MISUSED)


async def _known(job: str, look: Awaitable[Any]) -> Any:
    from engage_api.access.operator import Unknown  # noqa: PLC0415  # as above
    from engage_api.core.problem import NotFound  # noqa: PLC0415  # as above

    try:
        return await look
    except NotFound:
        raise Unknown(f"no job {job!r}: there never was one, or it is done") from None


def _plain(job: Any) -> dict[str, Any]:
    found: dict[str, Any] = job.model_dump(mode="json", by_alias=True)
    return found


def _line(job: Any) -> str:
    one = _plain(job)
    parts = [one["id"], one["state"], one["kind"], one["runAt"], f"attempts {one['attempts']}", one["lastError"] or ""]
    return "  ".join(parts).rstrip()
