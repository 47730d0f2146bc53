"""A run of a scenario in a sandbox: what is asked for, what is answered, what is kept."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints
from sqlalchemy import Index
from sqlmodel import Field as Column

from engage_api.core.model import Input, Model, Moment, Reference, Resource, shown_as
from engage_api.db.kind import Equal, Kind
from engage_api.db.row import KEY, TimedRow, moments_of

RunState = Literal["running", "finished", "failed"]


class ScenarioStep(Model):
    """What happens at a moment of a scenario."""

    after: str = Field(description="Since the scenario began, by the sandbox's clock (ISO 8601).", examples=["P2DT4H"])
    operation: str = Field(description="The operation that is called.", examples=["create_case"])
    times: int = Field(description="How often.", examples=[1])
    every: str | None = Field(description="How long after each other, if several times.", examples=[None])
    says: str = Field(description="What happens, in a line.", examples=["Zoë reports that her street is dark."])


class Scenario(Model):
    """A scripted story."""

    name: str = Field(examples=["angry-customer"])
    title: str = Field(examples=["The angry customer"])
    story: str = Field(description="What it is about.", examples=["A street lamp that nobody repairs."])
    duration: str = Field(description="From its first step to its last, by the sandbox's clock.", examples=["P9D"])
    steps: list[ScenarioStep]


class ScenarioRunCreate(Input):
    """Which scenario to play."""

    model_config = shown_as(scenario="angry-customer")

    scenario: Annotated[str, StringConstraints(min_length=1, max_length=64)] = Field(
        description="Its name, as `GET /v1/scenarios` tells.", examples=["angry-customer"]
    )


class ScenarioRun(Resource):
    """A scenario that plays in a sandbox, or has played."""

    id: str = Field(description="Its id, given by the service.", examples=["srn_01kb0m5xnye0rt2e5v3h4q8zj9"])
    scenario: str = Field(description="Its name.", examples=["angry-customer"])
    state: RunState = Field(
        description="`failed`: a step could not be done, because somebody had changed what it was about.",
        examples=["running"],
    )
    reason: str | None = Field(description="Why it failed, as the code of a problem.", examples=[None])
    application_id: Reference = Field(description="As which its calls are made.", examples=["app_demo"])
    organization_id: Reference = Field(description="Whose application that is.", examples=["org_demo"])
    done: int = Field(description="How many of its calls were made.", examples=[3])
    total: int = Field(description="How many there are.", examples=[14])
    next_at: Moment | None = Field(
        description="When the next one is made, by the sandbox's clock; null: none is.",
        examples=["2026-11-23T09:00:00.000Z"],
    )
    made: dict[str, Reference] = Field(
        description="What was made, by the names of the story.", examples=[{"case": "cas_01kb0m5xnye0rt2e5v3h4q8zj9"}]
    )


class ScenarioRunRow(TimedRow, table=True):
    """A run's row, in the sandbox that it plays in."""

    __tablename__ = "scenario_run"
    __table_args__ = (
        Index("scenario_run_created", "workspace_id", "created_at", "id"),
        Index("scenario_run_updated", "workspace_id", "updated_at", "id"),
        moments_of("scenario_run"),
    )

    state: str = Column(sa_type=KEY)


def _columns(run: ScenarioRun) -> dict[str, Any]:
    return {"state": run.state}


def _moment(run: ScenarioRun) -> datetime | None:
    return run.next_at


SCENARIO_RUN = Kind(
    "scenario-run",
    "srn",
    ScenarioRun,
    ScenarioRunRow,
    _columns,
    filters={"state": Equal("state")},
    moment=_moment,
    happens={
        "created": "A scenario began to play.",
        "updated": "A scenario went on: what it did stands before this event.",
        "finished": "A scenario has played to its end.",
        "failed": "A scenario ended early: somebody had changed what it was about.",
    },
)
