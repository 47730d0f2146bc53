"""Overdue: the due date of a case or a task passed, and it is still to be done.

Each due date that passes is told once. It is over when the case or the task is done, and when its due date is another
one; if that has passed as well, or what was done is opened again, it is overdue anew.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from engage_api.cases.models import CASE, OWED, Case
from engage_api.cases.tasks.models import DONE, TASK, Task
from engage_api.core.principal import Principal
from engage_api.db import store
from engage_api.db.engine import Transaction
from engage_api.db.store import Stored
from engage_api.jobs import moments


def along(was: Case | Task, changes: Mapping[str, Any]) -> dict[str, Any]:
    """The changes of a case or a task with what follows from them: whether it is still overdue."""
    state = changes.get("state", was.state)
    owed = state in OWED if isinstance(was, Case) else state not in DONE
    same = changes.get("due_at", was.due_at) == was.due_at
    return {**changes, "overdue_at": was.overdue_at if owed and same else None}


@moments.passes(CASE)
async def case_overdue(tx: Transaction, who: Principal, case: Stored[Case], at: datetime) -> Stored[Case]:
    """Its due date has passed."""
    return await store.change(tx, who, CASE, case, {"overdue_at": at}, store.Happened("overdue", at))


@moments.passes(TASK)
async def task_overdue(tx: Transaction, who: Principal, task: Stored[Task], at: datetime) -> Stored[Task]:
    """As of a case."""
    return await store.change(tx, who, TASK, task, {"overdue_at": at}, store.Happened("overdue", at))
