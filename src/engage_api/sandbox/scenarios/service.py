"""Playing scenarios: a run says when it goes on, and time lets it, so each step is done once and in order."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import takewhile
from typing import Any

from engage_api.core import clock
from engage_api.core.principal import Principal
from engage_api.core.problem import Fault, Problem, UnknownReference
from engage_api.core.scopes import EVERYTHING
from engage_api.db import store
from engage_api.db.engine import Transaction
from engage_api.db.store import Stored
from engage_api.jobs import moments
from engage_api.sandbox.scenarios.calls import CALLS
from engage_api.sandbox.scenarios.models import SCENARIO_RUN, Scenario, ScenarioRun, ScenarioStep
from engage_api.sandbox.scenarios.script import Beat, Script, Step, fill, scripts


def known() -> list[Scenario]:
    """All scenarios that there are."""
    return [_shown(script) for script in scripts().values()]


async def begin(tx: Transaction, who: Principal, name: str) -> Stored[ScenarioRun]:
    """Begin one in the sandbox where `who` stands; what it does at once is done.

    Raises:
        UnknownReference: there is none with this name.
    """
    script = scripts().get(name)
    if script is None:
        told = f"There are: {', '.join(scripts())}."
        raise UnknownReference(errors=[Fault("unknown-reference", told, pointer="/scenario")])
    beats, now = script.beats(), clock.business(who.workspace)
    fields: dict[str, Any] = {"scenario": name, "state": "running", "reason": None, "made": {}}
    fields |= {"application_id": who.application, "organization_id": who.organization}
    fields |= {"done": 0, "total": len(beats), "next_at": now + beats[0].at}
    run = await store.create(tx, who, SCENARIO_RUN, fields)
    return run if beats[0].at else await play(tx, who, run, now)


@moments.passes(SCENARIO_RUN)
async def play(tx: Transaction, who: Principal, run: Stored[ScenarioRun], at: datetime) -> Stored[ScenarioRun]:
    """Do what is due. What cannot be done ends the run: somebody has changed what the story is about."""
    model, beats = run.model, scripts()[run.model.scenario].beats()
    actor = replace(
        who,
        credential=model.id,
        application=model.application_id,
        organization=model.organization_id,
        scopes=EVERYTHING,
        sees_workspace=True,
    )
    made, done = dict(model.made), model.done
    try:
        for beat in _due(model, beats, at):
            await _do(tx, actor, beat, made, at)
            done += 1
    except (Problem, KeyError) as error:
        reason = error.code if isinstance(error, Problem) else "not-found"
        ended = {"state": "failed", "reason": reason, "made": made, "done": done, "next_at": None}
        return await store.change(tx, actor, SCENARIO_RUN, run, ended, store.Happened("failed"))
    if done == len(beats):
        ended = {"state": "finished", "made": made, "done": done, "next_at": None}
        return await store.change(tx, actor, SCENARIO_RUN, run, ended, store.Happened("finished"))
    onward = {"made": made, "done": done, "next_at": model.created_at + beats[done].at}
    return await store.change(tx, actor, SCENARIO_RUN, run, onward)


def _due(run: ScenarioRun, beats: list[Beat], at: datetime) -> Iterator[Beat]:
    return takewhile(lambda beat: run.created_at + beat.at <= at, beats[run.done :])


async def _do(tx: Transaction, who: Principal, beat: Beat, made: dict[str, str], at: datetime) -> None:
    step = beat.step
    words = made | {"organization": who.organization}
    of = "" if step.of is None else fill(f"{{{step.of}}}", words, beat.n, at)
    row_id = await CALLS[step.does](tx, who, of, fill(step.body, words, beat.n, at))
    if step.name is not None:
        made[step.name if step.times == 1 else f"{step.name}.{beat.n}"] = row_id


def _shown(script: Script) -> Scenario:
    return Scenario(
        name=script.name,
        title=script.title,
        story=script.story,
        duration=duration(script.lasts),
        steps=[_step(step) for step in sorted(script.steps, key=lambda step: step.at)],
    )


def _step(step: Step) -> ScenarioStep:
    every = duration(step.every) if step.times > 1 else None
    return ScenarioStep(after=duration(step.at), operation=step.does, times=step.times, every=every, says=step.says)


def duration(span: timedelta) -> str:
    """As ISO 8601 says it, in days, hours, minutes and seconds: `P1DT30M`."""
    hours, seconds = divmod(span.seconds, 3600)
    parts = [(hours, "H"), (seconds // 60, "M"), (seconds % 60, "S")]
    time = "".join(f"{count}{unit}" for count, unit in parts if count)
    days = f"{span.days}D" if span.days else ""
    return f"P{days}T{time}" if time else f"P{days or 'T0S'}"
