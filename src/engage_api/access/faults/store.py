"""Where the faults of sandboxes are kept, and their calls are counted: for all processes together."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import bindparam, delete, insert, or_, select, update
from sqlalchemy.dialects.postgresql import insert as upsert  # SQLite speaks the same

from engage_api.access.faults.models import FaultRow, FaultRule, FaultRuleShown, Faults
from engage_api.core import clock, ids
from engage_api.core.mishaps import Mishaps, Rule
from engage_api.core.world import working
from engage_api.db.engine import Database, Transaction
from engage_api.db.sql import Query

MOST_REVOKED = 1_000  # that are shown

_t = FaultRow.__table__  # type: ignore[attr-defined]
_here = _t.c.workspace_id == bindparam("workspace")
_HELD = Query(
    select(_t.c.id, _t.c.rule)
    .where(_here, or_(_t.c.position >= 0, _t.c.id == bindparam("credential")))
    .order_by(_t.c.position, _t.c.id)
)
_RULES = Query(select(_t.c.id, _t.c.rule, _t.c.calls).where(_here, _t.c.position >= 0).order_by(_t.c.position))
_REVOKED = Query(select(_t.c.id).where(_here, _t.c.position < 0).order_by(_t.c.id).limit(MOST_REVOKED))
_COUNT = Query(
    update(_t).where(_here, _t.c.id == bindparam("at_id")).values(calls=_t.c.calls + 1).returning(_t.c.calls)
)
_CLEAR = Query(delete(_t).where(_here))
_ADD = Query(insert(_t), [c.name for c in _t.columns])
_REVOKE = Query(upsert(_t).on_conflict_do_nothing(), [c.name for c in _t.columns])
CREDENTIAL = -1
"""The position of a credential that was revoked, which is no rule."""


async def held(db: Database, workspace: str, credential: str = "") -> Mishaps | None:
    """What a sandbox has set, for who holds this credential; None when that is nothing."""
    rows = await db.fetch(_HELD, workspace, workspace=workspace, credential=credential)
    if not rows:
        return None
    rules = tuple(FaultRule.model_validate_json(row.rule).rule(row.id) for row in rows if row.rule is not None)
    return Mishaps(rules, revoked=len(rules) < len(rows))


async def count(db: Database, workspace: str, rule: Rule) -> bool:
    """Count a call that a rule is about. Whether it hits this one; not when others have been set meanwhile."""
    if rule.is_over(clock.business(workspace)):
        return False
    with working():  # it leaves the sandbox's ids and time alone, so it may be busy
        async with db.write(workspace) as tx:
            return await hits(tx, workspace, rule)


async def of_webhooks(tx: Transaction, workspace: str, webhook: str) -> list[Rule]:
    """The rules about deliveries that a sandbox has set, with one fault."""
    rows = await tx.fetch(_RULES, workspace=workspace)
    rules = [FaultRule.model_validate_json(row.rule).rule(row.id) for row in rows]
    return [rule for rule in rules if rule.mishap.webhook == webhook]


async def hits(tx: Transaction, workspace: str, rule: Rule) -> bool:
    """The same as `count` in a transaction."""
    if rule.is_over(clock.business(workspace)):
        return False
    row = await tx.one(_COUNT, workspace=workspace, at_id=rule.id)
    return row is not None and rule.hits(row.calls)


async def revoke(db: Database, workspace: str, credential: str) -> None:
    """Let a credential open nothing, until faults are set anew."""
    async with db.system.write(None) as tx:
        await tx.run(_REVOKE, **_row(workspace, credential, CREDENTIAL))


async def put(db: Database, workspace: str, rules: Sequence[FaultRule]) -> None:
    """Set these in the place of all that is set; credentials that were revoked work again."""
    with working():
        async with db.write(workspace) as tx:  # where writes take turns: of two at once one stays
            await tx.run(_CLEAR, workspace=workspace)
            await tx.many(_ADD, [_row(workspace, ids.new("flt"), at, rule) for at, rule in enumerate(rules)])


async def show(db: Database, workspace: str) -> Faults:
    """What is set, and what came of it so far."""
    rows = await db.fetch(_RULES, workspace, workspace=workspace)
    revoked = await db.fetch(_REVOKED, workspace, workspace=workspace)
    return Faults(rules=[_shown(row.rule, row.calls) for row in rows], revoked=[row.id for row in revoked])


def _row(workspace: str, row_id: str, position: int, rule: FaultRule | None = None) -> dict[str, Any]:
    kept = None if rule is None else rule.model_dump_json()
    values = {"workspace_id": workspace, "id": row_id, "position": position, "rule": kept}
    return {**values, "calls": 0, "set_at": clock.host()}


def _shown(kept: str, calls: int) -> FaultRuleShown:
    given = FaultRule.model_validate_json(kept)
    return FaultRuleShown(**given.model_dump(), calls=calls, made=given.rule("").made(calls))
