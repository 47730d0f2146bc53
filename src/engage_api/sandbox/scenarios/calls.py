"""The calls that a scenario makes: those of the API, through the same services."""

import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

from pydantic import BaseModel

from engage_api.cases import service as cases
from engage_api.cases.models import CaseCreate, CaseTransition, CaseUpdate
from engage_api.cases.tasks import service as tasks
from engage_api.cases.tasks.models import TaskCreate, TaskTransition, TaskUpdate
from engage_api.core.principal import Principal
from engage_api.customers import service as customers
from engage_api.customers.models import CustomerCreate
from engage_api.db.engine import Transaction
from engage_api.db.store import Stored
from engage_api.events import signals
from engage_api.events.signals import SignalCreate
from engage_api.offers import service as offers
from engage_api.offers.models import OfferCreate
from engage_api.offers.routes import OfferTransition
from engage_api.sandbox.scenarios.script import Action

M = TypeVar("M", bound=BaseModel)
ANY = "*"
"""Whichever version there is."""
Body = dict[str, Any]
Act = Callable[[Transaction, Principal, str, Body], Awaitable[str]]


def _model(kind: type[M], body: Body) -> M:
    return kind.model_validate_json(json.dumps(body))


def _making(make: Callable[..., Awaitable[Stored[Any]]], kind: type[BaseModel]) -> Act:
    async def act(tx: Transaction, who: Principal, _: str, body: Body) -> str:
        return str((await make(tx, who, _model(kind, body))).model.id)

    return act


def _changing(change: Callable[..., Awaitable[Stored[Any]]], kind: type[BaseModel]) -> Act:
    async def act(tx: Transaction, who: Principal, of: str, body: Body) -> str:
        return str((await change(tx, who, of, _model(kind, body), ANY)).model.id)

    return act


async def _task(tx: Transaction, who: Principal, of: str, body: Body) -> str:
    return str((await tasks.add(tx, who, of, _model(TaskCreate, body))).model.id)


async def _offered(tx: Transaction, who: Principal, of: str, body: Body) -> str:
    return str((await offers.move(tx, who, of, _model(OfferTransition, body).to, ANY)).model.id)


async def _signal(tx: Transaction, who: Principal, _: str, body: Body) -> str:
    return str(json.loads(await signals.write(tx, who, _model(SignalCreate, body)))["id"])


CALLS: Mapping[Action, Act] = {
    "create_customer": _making(customers.create, CustomerCreate),
    "create_case": _making(cases.create, CaseCreate),
    "update_case": _changing(cases.change, CaseUpdate),
    "transition_case": _changing(cases.move, CaseTransition),
    "create_task": _task,
    "update_task": _changing(tasks.change, TaskUpdate),
    "transition_task": _changing(tasks.move, TaskTransition),
    "create_offer": _making(offers.create, OfferCreate),
    "transition_offer": _offered,
    "create_signal": _signal,
}
