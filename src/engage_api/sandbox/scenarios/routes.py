"""Scenarios and their runs over HTTP."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Response
from pydantic import Field, TypeAdapter

from engage_api.access.guard import Stranger, anyone, guard
from engage_api.core.scopes import Scope
from engage_api.http.call import Call
from engage_api.http.pages import SORTED, ListQuery, Page
from engage_api.http.ready import Ready
from engage_api.http.route import DirectRoute
from engage_api.http.strict import json_body
from engage_api.sandbox.inside import inside
from engage_api.sandbox.scenarios import service
from engage_api.sandbox.scenarios.models import SCENARIO_RUN, RunState, Scenario, ScenarioRun, ScenarioRunCreate

router = APIRouter(tags=["Sandboxes"], route_class=DirectRoute)
RUNS = "/sandboxes/{sandbox_id}/scenario-runs"
SCENARIOS = TypeAdapter(list[Scenario])
BUSY = {"x-problems": ["sandbox-busy", "sandbox-full", "unknown-reference"]}
Anybody = Annotated[Stranger, anyone()]
Manage = Annotated[Call, guard(Scope.SANDBOX_WRITE)]
NewRun = Annotated[ScenarioRunCreate, json_body(ScenarioRunCreate)]
Sort = Annotated[Literal["createdAt", "-createdAt", "updatedAt", "-updatedAt"], Field(description=SORTED)]


class ScenarioRunQuery(ListQuery):
    """Which runs."""

    sort: Sort = "-createdAt"
    state: RunState | None = Field(None, description="Only those in this state.")


@router.get("/scenarios", response_model=Page[Scenario], summary="List the scenarios")
async def list_scenarios(_: Anybody) -> Response:
    """The stories that can be played in a sandbox, each with its steps. All are on one page, and for everybody."""
    return Ready(b'{"items":%b,"nextCursor":null}' % SCENARIOS.dump_json(service.known(), by_alias=True))


@router.post(
    RUNS, status_code=201, response_model=ScenarioRun, summary="Create a scenario run: play a story", openapi_extra=BUSY
)
async def create_scenario_run(sandbox_id: str, call: Manage, body: NewRun) -> Response:
    """It begins at once and goes on with the sandbox's clock: as time passes, or when you advance it.

    Its calls are those of the API, made as your application, so whoever follows the log or has a webhook sees them as
    any others.
    """
    there = await inside(call, sandbox_id)
    path = RUNS.format(sandbox_id=sandbox_id)
    return await there.create(path, lambda tx: service.begin(tx, there.principal, body.scenario))


@router.get(RUNS, response_model=Page[ScenarioRun], summary="List the runs of scenarios")
async def list_scenario_runs(sandbox_id: str, call: Manage, query: Annotated[ScenarioRunQuery, Query()]) -> Response:
    """What plays in a sandbox, and what has played."""
    return await (await inside(call, sandbox_id)).page(SCENARIO_RUN, query)


@router.get(RUNS + "/{run_id}", response_model=ScenarioRun, summary="Read a run of a scenario")
async def get_scenario_run(sandbox_id: str, run_id: str, call: Manage) -> Response:
    """How far it is, what it made, and when it goes on."""
    return await (await inside(call, sandbox_id)).document(SCENARIO_RUN, run_id)
