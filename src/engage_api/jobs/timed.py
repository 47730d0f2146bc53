"""What time changes, by kind of resource and by other sources; how to join is told in `jobs/moments`."""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple, TypeVar

from sqlalchemy import bindparam, literal, select, union_all

from engage_api.core.principal import CLOCK, Plan, Principal
from engage_api.db.engine import Database, Transaction
from engage_api.db.kind import Kind, P
from engage_api.db.row import KEY
from engage_api.db.sql import Query
from engage_api.db.store import Stored
from engage_api.db.world import SANDBOX


class Due(NamedTuple):
    """What time does: when, by which source, to what. It sorts as it happens."""

    at: datetime
    source: str
    id: str


Handler = Callable[[Transaction, Principal, Stored[P], datetime], Awaitable[Stored[P]]]
H = TypeVar("H", bound=Callable[..., Awaitable[Stored[Any]]])


@dataclass(frozen=True, slots=True)
class Source:
    """Something else that comes by time: see `jobs/moments`. It gives `passes`, or `outside`."""

    name: str
    first: Callable[[Transaction, str, datetime], Awaitable[Due | None]]
    waiting: Callable[[Database], Awaitable[Iterable[tuple[str, datetime]]]]
    passes: Callable[[Transaction, str, Due], Awaitable[None]] | None = None
    outside: Callable[[Database, str, Due], Awaitable[None]] | None = None


class Registry:
    """What time does to which kinds, and the other sources."""

    def __init__(self) -> None:
        self.kinds: dict[str, Kind[Any]] = {}
        self.sources: dict[str, Source] = {}
        self._handlers: dict[str, Handler[Any]] = {}

    def copy(self) -> "Registry":
        """The same, to be added to."""
        found = Registry()
        found.kinds |= self.kinds
        found.sources |= self.sources
        found._handlers |= self._handlers
        return found

    def passes(self, kind: Kind[Any]) -> Callable[[H], H]:
        """Register what happens when the moment of such a resource has come.

        ValueError for a kind that has no moment, and for a name that is taken.
        """
        if kind.moment is None:
            raise ValueError(f"time does not change {kind.name}")
        self._refuse_taken(kind.name)

        def register(handler: H) -> H:
            self.kinds[kind.name], self._handlers[kind.name] = kind, handler
            return handler

        return register

    def add(self, source: Source) -> None:
        """Register another source. ValueError for a name that is taken, and for one that does nothing or two things."""
        if (source.passes is None) == (source.outside is None):
            raise ValueError(f"{source.name} gives `passes` or `outside`")
        self._refuse_taken(source.name)
        self.sources[source.name] = source

    def handler(self, name: str) -> Handler[Any]:
        """What happens to this kind."""
        return self._handlers[name]

    def _refuse_taken(self, name: str) -> None:
        if name in self.kinds or name in self.sources:
            raise ValueError(f"there are two {name}")

    async def first(self, tx: Transaction, workspace: str, until: datetime) -> Due | None:
        """The first that is due in a workspace."""
        row = await tx.one(_first(tuple(self.kinds.values())), workspace=workspace, until=until) if self.kinds else None
        found = [await source.first(tx, workspace, until) for source in self.sources.values()]
        if row is not None:
            found.append(Due(row.at, row.source, row.id))
        return min((due for due in found if due is not None), default=None)

    def is_outside(self, due: Due) -> bool:
        """Whether it needs the network."""
        source = self.sources.get(due.source)
        return source is not None and source.outside is not None

    async def go_out(self, db: Database, workspace: str, due: Due) -> None:
        """Let something happen that needs the network."""
        outside = self.sources[due.source].outside
        assert outside is not None  # noqa: S101  # `is_outside` said so
        await outside(db, workspace, due)

    async def let(self, tx: Transaction, workspace: str, due: Due) -> bool:
        """Let it happen. False when somebody else is just writing what it happens to.

        Raises:
            RuntimeError: the handler left the moment where it is, and would be called for ever.
        """
        source = self.sources.get(due.source)
        if source is not None and source.passes is not None:
            await source.passes(tx, workspace, due)
            return True
        kind = self.kinds[due.source]
        row = await tx.one(_claim(kind), workspace=workspace, id=due.id, at=due.at)
        if row is None:
            return False
        model = kind.read(row.document)
        was = Stored(model, row.document, row.made_by)
        now = await self.handler(kind.name)(tx, _time(workspace), was, max(due.at, model.updated_at))
        if now.model.version == model.version or (kind.moment is not None and kind.moment(now.model) == due.at):
            raise RuntimeError(f"what time does to {kind.name} leaves its moment as it was")
        return True


registry = Registry()
"""The service's own."""
passes = registry.passes


def _time(workspace: str) -> Principal:
    """Who does it: nobody but time."""
    plan = Plan(CLOCK, 0, 0, 0)
    return Principal(
        CLOCK, "", "", workspace, not workspace.startswith(SANDBOX), frozenset(), plan, sees_workspace=True
    )


@lru_cache(maxsize=8)
def _first(kinds: tuple[Kind[Any], ...]) -> Query:
    """The first of all these kinds, each found by its index."""
    firsts = [
        select(literal(kind.name, type_=KEY).label("source"), kind.table.c.id, kind.table.c.moment_at.label("at"))
        .where(kind.table.c.workspace_id == bindparam("workspace"), kind.table.c.moment_at <= bindparam("until"))
        .order_by(kind.table.c.moment_at, kind.table.c.id)
        .limit(1)
        for kind in kinds
    ]
    every = union_all(*(select(one.subquery()) for one in firsts)).subquery()
    return Query(select(every).order_by(every.c.at, every.c.source, every.c.id).limit(1))


@lru_cache(maxsize=64)
def _claim(kind: Kind[Any]) -> Query:
    """What is due, locked. Who has locked it before is writing it, and may come to wait for us: so we never wait."""
    t = kind.table
    mine = (t.c.workspace_id == bindparam("workspace"), t.c.id == bindparam("id"), t.c.moment_at == bindparam("at"))
    return Query(select(t.c.document, t.c.made_by).where(*mine).with_for_update(skip_locked=True))
