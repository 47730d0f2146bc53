"""`engage sandbox scenarios|scenario|scenario-runs|simulate|faults`: what is tried in a sandbox."""

import json
from collections.abc import Awaitable, Callable
from typing import Annotated, Any

import typer

from engage_api.access.telling import MISUSED, Json, fail
from engage_api.sandbox.command import PLAIN, Which, WithDatabase, read, valid

Story = Annotated[str, typer.Argument(help="Its name, as `engage sandbox scenarios` lists it.", show_default=False)]
Kind = Annotated[str, typer.Argument(help="Such as `engage.case.delivered.v1`.", show_default=False)]
Subject = Annotated[str | None, typer.Option(help="The id of a resource, whose state the event tells.")]
Data = Annotated[str, typer.Option(help="Members that differ, as a JSON object.")]
Rules = Annotated[
    list[str] | None,
    typer.Argument(help="Faults such as `status=503`, or rules as JSON; none: show.", show_default=False),
]
Clear = Annotated[bool, typer.Option("--clear", help="Take all of them away.")]


def add(app: typer.Typer, with_database: WithDatabase) -> None:
    """Add these commands."""
    _stories(app, with_database)
    _simulate(app, with_database)
    _faults(app, with_database)


def _stories(app: typer.Typer, with_database: WithDatabase) -> None:
    @app.command("scenarios")
    def scenarios() -> None:
        """List the stories that can be played."""
        from engage_api.sandbox.scenarios import service  # noqa: PLC0415  # each command loads what it needs

        for one in service.known():
            typer.echo(f"{one.name:16}  {one.duration:10}  {one.story}")

    @app.command("scenario")
    def scenario(sandbox: Which, name: Story, *, as_json: Json = PLAIN) -> None:
        """Play a story in a sandbox: it goes on with the sandbox's clock."""
        from engage_api.sandbox.scenarios import service  # noqa: PLC0415  # as above

        async def begin(db: Any, who: Any) -> Any:
            async with db.write(sandbox) as tx:
                return await service.begin(tx, who, name)

        found = _inside(with_database, sandbox, begin)
        typer.echo(found.document.decode() if as_json else _line(found.model))

    @app.command("scenario-runs")
    def scenario_runs(sandbox: Which, *, as_json: Json = PLAIN) -> None:
        """List the stories that play in a sandbox or have played, the newest first."""
        from engage_api.db import reader  # noqa: PLC0415  # as above
        from engage_api.sandbox.scenarios.models import SCENARIO_RUN  # noqa: PLC0415  # as above

        async def look(db: Any, who: Any) -> Any:
            return await reader.every(db, who, SCENARIO_RUN, {}, "-createdAt")

        found = _inside(with_database, sandbox, look)
        if as_json:
            typer.echo(json.dumps({"items": [json.loads(document) for document in found]}))
            return
        for document in found:
            typer.echo(_line(SCENARIO_RUN.read(document)))


def _line(run: Any) -> str:
    ahead = f"goes on at {run.next_at:%Y-%m-%d %H:%M} of its clock" if run.next_at else run.state
    return f"{run.id}  {run.scenario}  {run.done} of {run.total} calls made, {ahead}"


def _simulate(app: typer.Typer, with_database: WithDatabase) -> None:
    @app.command("simulate")
    def simulate(sandbox: Which, kind: Kind, subject: Subject = None, data: Data = "{}") -> None:
        """Write an event into the log of a sandbox that nothing caused. Answers it as JSON."""
        from engage_api.sandbox import simulating  # noqa: PLC0415  # as above

        given = {"type": kind, "subject": subject, "data": _json(data, "--data")}
        wanted = valid(simulating.EventSimulation, given)

        async def send(db: Any, who: Any) -> Any:
            about = await simulating.newest(db, who, wanted)
            async with db.write(sandbox) as tx:
                return await simulating.simulate(tx, who, wanted, about)

        typer.echo(_inside(with_database, sandbox, send).decode())


def _faults(app: typer.Typer, with_database: WithDatabase) -> None:
    @app.command("faults")
    def faults(sandbox: Which, rules: Rules = None, *, clear: Clear = False, as_json: Json = PLAIN) -> None:
        """Show the faults that are set for a sandbox, set others in their place, or take them away."""
        from engage_api.access.faults import store  # noqa: PLC0415  # as above

        wanted = [_rule(text) for text in rules or ()]

        async def work(db: Any, _: bytes) -> Any:
            await read(db, sandbox)
            if wanted or clear:
                await store.put(db, sandbox, wanted)
            return await store.show(db, sandbox)

        found = with_database(work)
        if as_json:
            typer.echo(found.model_dump_json(by_alias=True))
            return
        if not found.rules and not found.revoked:
            typer.echo("No faults are set.", err=True)
        for one in found.rules:
            where = " ".join([*one.methods, *one.operations]) or "all calls"
            typer.echo(f"{one.fault}  on {where}  {one.calls} calls, {one.made} with the fault")
        for credential in found.revoked:
            typer.echo(f"{credential}  revoked")


def _rule(text: str) -> Any:
    from engage_api.access.faults.models import FaultRule  # noqa: PLC0415  # as above

    return valid(FaultRule, _json(text, "The rule") if text.startswith("{") else {"fault": text})


def _json(text: str, what: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        fail(f"{what} is no JSON.", MISUSED)


def _inside(with_database: WithDatabase, sandbox: str, do: Callable[[Any, Any], Awaitable[Any]]) -> Any:
    """Do something in a sandbox as its operator."""

    async def work(db: Any, _: bytes) -> Any:
        from engage_api.access import operator  # noqa: PLC0415  # as above

        await read(db, sandbox)
        return await do(db, await operator.principal(db, sandbox))

    return with_database(work)
