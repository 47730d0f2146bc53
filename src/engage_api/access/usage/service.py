"""Usage: written down every few seconds, read by day, application, credential and operation."""

from collections.abc import Iterable, Mapping
from datetime import timedelta
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import BigInteger, ColumnElement, bindparam, cast, delete, func, select, tuple_
from sqlalchemy.dialects.postgresql import insert as upsert  # SQLite speaks the same

from engage_api.access.models import API_KEY
from engage_api.access.usage.models import CUSTOMER, OTHER, TOKEN, Usage, UsageRow
from engage_api.core import clock
from engage_api.core.principal import Principal
from engage_api.db.engine import Database
from engage_api.db.row import KEY
from engage_api.db.sql import Query
from engage_api.db.visibility import Audience, audience, visible, whose
from engage_api.http.quotas import Quotas
from engage_api.http.tally import Figures, Tally

KEPT = timedelta(days=396)  # thirteen months
PORTION = 500  # rows that are written or swept at once
GROUPS: Mapping[str, str] = {
    "day": "day",
    "application": "application_id",
    "credential": "credential",
    "operation": "operation",
}
"""What figures can be grouped by, and the columns of that, in the order of the lists."""
FIGURES = ("calls", "client_errors", "server_errors", "limited")
_COLUMNS = ("workspace_id", "day", "application_id", "credential", "operation", "organization_id", *FIGURES)

_t = UsageRow.__table__  # type: ignore[attr-defined]
_new = upsert(_t)
_ADD = Query(
    _new.on_conflict_do_update(
        index_elements=[c.name for c in _t.primary_key],
        set_={name: _t.c[name] + getattr(_new.excluded, name) for name in FIGURES},
    ),
    _COLUMNS,
)
_USED = Query(
    select(cast(func.coalesce(func.sum(_t.c.calls - _t.c.limited), 0), BigInteger).label("used")).where(
        _t.c.workspace_id == bindparam("workspace"),
        _t.c.day == bindparam("day"),
        _t.c.application_id == bindparam("application"),
        _t.c.credential != CUSTOMER,
    )
)
_SWEEP = Query(delete(_t).where(_t.c.day < bindparam("before")))


class Ask(NamedTuple):
    """Which figures: filters by name, what they are grouped by, the group after which to go on, and how many."""

    filters: Mapping[str, str]
    groups: tuple[str, ...]
    after: list[str] | None
    limit: int


class Ledger:
    """Carries what was counted into the database. What could not be written waits in `_rows` for the next time."""

    def __init__(self, db: Database, tally: Tally, quotas: Quotas) -> None:
        self._db, self._tally, self._quotas = db, tally, quotas
        self._rows: dict[tuple[str, ...], list[int]] = {}

    async def flush(self) -> None:
        """Write everything down, and tell the quotas what all processes have counted."""
        for one in self._tally.take():
            figures = self._rows.setdefault(_key(one), [0, 0, 0, 0])
            for at, name in enumerate(FIGURES):
                figures[at] += getattr(one, name)
        rows = sorted(self._rows.items())  # in one order, so that no two processes wait for each other
        while rows:
            portion, rows = rows[:PORTION], rows[PORTION:]
            async with self._db.system.write(None) as tx:
                await tx.many(_ADD, [dict(zip(_COLUMNS, (*key, *figures), strict=True)) for key, figures in portion])
            for key, _ in portion:
                del self._rows[key]
            await self._tell({(key[0], key[2], key[1]) for key, _ in portion})

    async def _tell(self, written: Iterable[tuple[str, str, str]]) -> None:
        for workspace, application, day in written:
            if self._quotas.knows((workspace, application)):
                self._quotas.learn((workspace, application), day, await used(self._db, workspace, application, day))


def _key(one: Figures) -> tuple[str, ...]:
    """The columns that tell rows apart, and the organization, in the order of `_COLUMNS`."""
    who = one.who
    if one.operation == OTHER:
        credential = OTHER
    elif who.customer:
        credential = CUSTOMER
    else:
        credential = who.credential if who.credential.startswith(f"{API_KEY.prefix}_") else TOKEN
    return who.workspace, one.day, who.application, credential, one.operation, who.organization


async def used(db: Database, workspace: str, application: str, day: str) -> int:
    """How many calls of an application in a workspace were written down of a day that count against its quota: not
    those that were refused by a limit, and not those of its customers.
    """
    row = await db.system.one(_USED, None, workspace=workspace, application=application, day=day)
    return int(row.used)


async def find(db: Database, principal: Principal, ask: Ask) -> list[Usage]:
    """The figures that a principal may see, one more than asked for when there are more."""
    names = tuple(sorted(ask.filters))
    query = _page(audience(principal), names, ask.groups, after=ask.after is not None)
    values: dict[str, Any] = {f"by_{name}": value for name, value in ask.filters.items()}
    values |= {f"after_{at}": value for at, value in enumerate(ask.after or ())}
    rows = await db.fetch(query, principal.workspace, **whose(principal), **values, limit=ask.limit + 1)
    none = dict.fromkeys(GROUPS.values())
    return [Usage.model_validate(none | row._asdict()) for row in rows]


def place(groups: Iterable[str], usage: Usage) -> list[str]:
    """Where these figures stand in a list of these groups."""
    return [str(getattr(usage, GROUPS[group])) for group in groups]


async def sweep(db: Database) -> None:
    """Forget what is older than thirteen months."""
    before = (clock.host() - KEPT).date().isoformat()
    async with db.system.write(None) as tx:
        await tx.run(_SWEEP, before=before)


@lru_cache(maxsize=256)
def _page(whom: Audience, filters: tuple[str, ...], groups: tuple[str, ...], *, after: bool) -> Query:
    columns = [_t.c[GROUPS[group]] for group in groups]
    sums = [cast(func.sum(_t.c[name]), BigInteger).label(name) for name in FIGURES]
    statement = select(*columns, *sums).where(*visible(_t, whom), *(_clause(name) for name in filters))
    if after:
        edge = (bindparam(f"after_{at}", type_=column.type) for at, column in enumerate(columns))
        statement = statement.where(tuple_(*columns) > tuple_(*edge))
    return Query(statement.group_by(*columns).order_by(*columns).limit(bindparam("limit")))


def _clause(name: str) -> ColumnElement[bool]:
    value = bindparam(f"by_{name}", type_=KEY)
    day: ColumnElement[str] = _t.c.day
    if name == "day_from":
        return day >= value
    if name == "day_until":
        return day < value
    column: ColumnElement[str] = _t.c[name]
    return column == value
