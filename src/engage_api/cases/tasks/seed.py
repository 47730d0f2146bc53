"""The tasks in a sandbox's story: what is to be done in a case of each type, and by whom."""

from functools import partial
from typing import NamedTuple

from engage_api.cases.tasks import service
from engage_api.cases.tasks.models import TaskCreate, TaskKind, TaskState, TaskTransition, TaskUpdate
from engage_api.core.principal import Principal
from engage_api.db.engine import Transaction
from engage_api.db.story import Do, Setting

ANY_VERSION = "*"


class Job(NamedTuple):
    """One step of every case of a type."""

    title: str
    assignee: str | None
    kind: TaskKind = "routine"
    automatic: bool = False


JOBS: dict[str, tuple[Job, ...]] = {
    "building-permit": (
        Job("Check the drawings", "Noor Visser"),
        Job("Decide on the permit", "Team Permits", "approval"),
    ),
    "parking-permit": (Job("Check the address", None, automatic=True), Job("Send the permit", "Service desk")),
    "energy-advice": (
        Job("Visit the house", "Tomasz Zieliński", "call"),
        Job("Write the report", "Tomasz Zieliński"),
    ),
    "registration": (Job("Check the documents", "Priya Shah"),),
    "noise-complaint": (
        Job("Call the customer back", "Priya Shah", "call"),
        Job("Measure on the spot", "Team Public Space", "ad-hoc"),
    ),
    "event-permit": (Job("Ask the fire brigade", "Noor Visser"),),
}
RESULTS: dict[TaskState, str] = {"completed": "Done, nothing out of the ordinary.", "failed": "No answer for an hour."}
REASONS: dict[TaskState, str] = {
    "skipped": "It was not needed after all.",
    "failed": "The register did not answer.",
    "available": "Somebody has to look again.",
}


def add(setting: Setting, case: int, number: int, job: Job, due: float | None) -> Do:
    """Make one of an open case; `due` is so many days after the end of the story."""
    wanted = TaskCreate(
        external_id=f"demo-task:{case}.{number}",
        title=job.title,
        kind=job.kind,
        mode="automatic" if job.automatic else "manual",
        assignee=job.assignee,
        provider="Register of addresses" if job.automatic else None,
        due_at=None if due is None else setting.deadline(due),
    )
    return partial(_add, setting, case, number, wanted)


def move(setting: Setting, case: int, number: int, to: TaskState) -> Do:
    """Bring one on."""
    return partial(_move, setting, case, number, to)


def hand_over(setting: Setting, case: int, number: int, assignee: str) -> Do:
    """Give one to somebody else."""
    return partial(_hand_over, setting, case, number, assignee)


async def _add(setting: Setting, case: int, number: int, wanted: TaskCreate, tx: Transaction, who: Principal) -> None:
    made = await service.create(tx, who, setting.known[f"case:{case}"], wanted)
    setting.known[_name(case, number)] = made.model.id


async def _move(setting: Setting, case: int, number: int, to: TaskState, tx: Transaction, who: Principal) -> None:
    wanted = TaskTransition(to=to, reason=REASONS.get(to), result=RESULTS.get(to))
    await service.move(tx, who, setting.known[_name(case, number)], wanted, None)


async def _hand_over(setting: Setting, case: int, number: int, assignee: str, tx: Transaction, who: Principal) -> None:
    task_id = setting.known[_name(case, number)]
    await service.change(tx, who, task_id, TaskUpdate(assignee=assignee), ANY_VERSION)


def _name(case: int, number: int) -> str:
    return f"task:{case}.{number}"
