"""`engage sandbox scenarios|scenario|simulate|faults`: what is tried in a sandbox, from the command line."""

import json
from collections.abc import Awaitable, Callable
from typing import Annotated, Any

import typer

from engage_api.sandbox.command import PLAIN, Json, Which, WithDatabase, read

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

        found = _inside(with_database, sandbox, lambda tx, who: service.begin(tx, who, name))
        if as_json:
            typer.echo(found.document.decode())
            return
        run = found.model
        ahead = f"goes on at {run.next_at:%Y-%m-%d %H:%M} of its clock" if run.next_at else run.state
        typer.echo(f"{run.id}  {run.scenario}  {run.done} of {run.total} calls made, {ahead}")


def _simulate(app: typer.Typer, with_database: WithDatabase) -> None:
    @app.command("simulate")
    def simulate(sandbox: Which, kind: Kind, subject: Subject = None, data: Data = "{}") -> None:
        """Write an event into the log of a sandbox that nothing caused. Answers it as JSON."""
        from pydantic import ValidationError  # noqa: PLC0415  # as above

        from engage_api.sandbox import simulating  # noqa: PLC0415  # as above

        try:
            given = {"type": kind, "subject": subject, "data": json.loads(data)}
            wanted = simulating.EventSimulation.model_validate_json(json.dumps(given))
        except (ValueError, ValidationError) as error:
            raise typer.BadParameter(str(error)) from None
        typer.echo(_inside(with_database, sandbox, lambda tx, who: simulating.simulate(tx, who, wanted)).decode())


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
        for one in found.rules:
            where = " ".join([*one.methods, *one.operations]) or "all calls"
            typer.echo(f"{one.fault}  on {where}  {one.calls} calls, {one.made} with the fault")
        for credential in found.revoked:
            typer.echo(f"{credential}  revoked")


def _rule(text: str) -> Any:
    from pydantic import ValidationError  # noqa: PLC0415  # as above

    from engage_api.access.faults.models import FaultRule  # noqa: PLC0415  # as above

    try:
        return FaultRule.model_validate_json(text if text.startswith("{") else json.dumps({"fault": text}))
    except ValidationError as error:
        raise typer.BadParameter(str(error)) from None


def _inside(with_database: WithDatabase, sandbox: str, act: Callable[[Any, Any], Awaitable[Any]]) -> Any:
    """Do something in a sandbox as its operator; what is refused is told in words."""

    async def work(db: Any, _: bytes) -> Any:
        from engage_api.access import operator  # noqa: PLC0415  # as above
        from engage_api.core.problem import Problem  # noqa: PLC0415  # as above

        await read(db, sandbox)
        who = await operator.principal(db, sandbox)
        try:
            async with db.write(sandbox) as tx:
                return await act(tx, who)
        except Problem as problem:
            told = [fault.detail for fault in problem.errors] or [problem.detail]
            raise operator.Unknown(" ".join(told)) from None

    return with_database(work)
