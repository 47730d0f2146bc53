"""The cases' part of a sandbox's story, with their tasks."""

from collections.abc import Iterator
from datetime import datetime
from functools import partial
from random import Random

from engage_api.cases import service
from engage_api.cases.cast import CLOSED, DECISIONS, LATER, PLOTS, REASONS, SORTS, WAYS, Plot
from engage_api.cases.models import (
    CaseCreate,
    CaseTransition,
    CaseUpdate,
)
from engage_api.cases.parts import InformationNeeded, Participant
from engage_api.cases.tasks import seed as tasks
from engage_api.cases.tasks.models import TaskState
from engage_api.cases.tasks.seed import ANY_VERSION, JOBS, Job
from engage_api.core.principal import Principal
from engage_api.customers import seed as customers
from engage_api.customers.cast import CAST, language
from engage_api.db.engine import Transaction
from engage_api.db.story import Do, Setting, Step, by_day, in_office, woven

BY_CUSTOMERS = frozenset({"confirmed", "withdrawn"})
TASKS: dict[str, TaskState] = {"start": "active", "complete": "completed", "skip": "skipped", "fail": "failed"}
DUE, LATE, SOON = 0.76, 0.06, 0.2  # of open cases and tasks are due some day; of those, in the past, and within a week
HOURS = 0.4  # of a day, by which plotted cases may come in earlier
BRIEF = 4  # days: what came in later is not due yet
WHOLE = 3  # every so-manieth of the others has all its tasks; the rest the first one
LONGEST = 89.0  # days until the last is due
ON_TIME = 0.4  # of its days after which a case that is closed would have been late


def told(setting: Setting) -> Iterator[Step]:
    """How they come in, and how each goes its way."""
    chance, begun = setting.chance("cases"), []
    for number in range(1, setting.cases + 1):
        plot = _plot(number)
        way = WAYS[plot.way]
        drawn = chance.uniform(way.youngest, way.oldest)
        ago = plot.ago + HOURS * chance.random() if number <= len(PLOTS) else drawn
        begun.append((by_day(setting.ago(ago), setting.begins), number))
    return woven(_Case(setting, number, at).told() for at, number in sorted(begun))


def _plot(number: int) -> Plot:
    return PLOTS[(number - 1) % len(PLOTS)]


class _Case:
    """One of them. The first few are as they are plotted; the others are other customers', and due some other time."""

    def __init__(self, setting: Setting, number: int, begun: datetime) -> None:
        self._setting, self._number, self._begun = setting, number, begun
        self._chance: Random = setting.chance(f"case {number}")
        self._plot, self._plotted = _plot(number), number <= len(PLOTS)
        self._left = setting.ends - begun
        if not self._plotted:
            customer = self._chance.randint(1, customers.arrived(setting, begun))
            self._plot = self._plot._replace(customer=customer, due=self._due())
        jobs = JOBS[self._plot.type]
        self._jobs = jobs if self._plotted or number % WHOLE == 0 else jobs[:1]

    def told(self) -> Iterator[Step]:
        """It comes in, and goes its way."""
        yield Step(self._begun, self._create, 1)
        at = self._begun
        for share, act in WAYS[self._plot.way].acts:
            verb, _, rest = act.partition(" ")
            if not self._happens(verb, rest):
                continue
            raw = self._begun + share * self._left
            at = by_day(raw, at) if verb in BY_CUSTOMERS else in_office(raw, at)
            yield Step(at, self._do(verb, rest))

    def _happens(self, verb: str, rest: str) -> bool:
        if verb == "decide":
            return self._plotted  # of the others nobody reads it
        return not rest.isdigit() or verb == "add" or int(rest) <= len(self._jobs)

    def _due(self) -> float | None:
        """So many days after the end of the story."""
        if self._plot.way in CLOSED:
            return -ON_TIME * self._left.days
        if self._chance.random() >= DUE:
            return None
        kind = self._chance.random()
        if kind < LATE and self._left.days > BRIEF:
            return -self._chance.uniform(0, min(9, self._left.days / 2))
        return self._chance.uniform(0, 7) if kind < LATE + SOON else self._chance.uniform(7, LONGEST)

    def _do(self, verb: str, rest: str) -> Do:
        setting, number = self._setting, self._number
        if verb in TASKS:
            return tasks.move(setting, number, int(rest), TASKS[verb])
        if verb == "hand":
            return tasks.hand_over(setting, number, int(rest), "Lotte Postma")
        if verb == "add":
            return tasks.add(setting, number, int(rest), Job(LATER, "Priya Shah", "call"), 2)
        if verb == "wait":
            return partial(self._move, "waiting", rest)
        return self._decide if verb == "decide" else partial(self._move, verb, "")

    # ── what happens ─────────────────────────────────────────────────────────────────────────────────────────────────

    async def _create(self, tx: Transaction, who: Principal) -> None:
        setting, plot, sort = self._setting, self._plot, SORTS[self._plot.type]
        wanted = CaseCreate(
            external_id=f"demo-case:{self._number}",
            type=plot.type,
            title=sort.titles[language(plot.customer)],
            customer_id=customers.customer_id(setting, plot.customer),
            channel=sort.channel,
            triage="tailored" if plot.way == "reopened" else "standard",
            information_needed=[InformationNeeded(name=name, received=plot.way in CLOSED) for name in sort.needed],
            participants=self._participants(),
            due_at=None if plot.due is None else setting.deadline(plot.due),
        )
        case = await service.create(tx, who, wanted)
        setting.known[self._name] = case.model.id
        for number, job in enumerate(self._jobs, 1):
            await tasks.add(setting, self._number, number, job, self._due_of(number))(tx, who)

    @property
    def _name(self) -> str:
        return f"case:{self._number}"

    def _participants(self) -> list[Participant]:
        if not self._plotted or self._plot.type != "building-permit":
            return []
        name = CAST[self._plot.customer - 1].name
        return [
            Participant(
                role="applicant", name=name, customer_id=customers.customer_id(self._setting, self._plot.customer)
            ),
            Participant(role="architect", name="Studio Nieuwland"),
        ]

    def _due_of(self, number: int) -> float | None:
        """A task is due some days before its case, the last one with it."""
        if self._plotted:
            return None if self._plot.due is None else self._plot.due - 2 * (len(self._jobs) - number)
        return self._due() if number == len(self._jobs) else None

    async def _decide(self, tx: Transaction, who: Principal) -> None:
        result, reason = DECISIONS["rejected" if self._plot.way == "rejected" else "delivered"]
        wanted = CaseUpdate(decision={"result": result, "reason": reason})
        await service.change(tx, who, self._setting.known[self._name], wanted, ANY_VERSION)

    async def _move(self, to: str, waits_for: str, tx: Transaction, who: Principal) -> None:
        wanted = CaseTransition.model_validate(
            {
                "to": "in-progress" if to == "reopened" else to,
                "waiting_for": waits_for or None,
                "reason": REASONS.get(waits_for or to),
                "outcome": SORTS[self._plot.type].outcome if to == "delivered" else None,
            }
        )
        await service.move(tx, who, self._setting.known[self._name], wanted, None)
