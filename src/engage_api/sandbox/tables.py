"""What each table means for a copy of a sandbox: the one registry. A test walks all tables, so none is left out."""

from collections.abc import Iterator, Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from sqlalchemy import Column, Table
from sqlmodel import SQLModel

from engage_api.db.kind import Kind


class Means(StrEnum):
    """What happens with the rows of a table."""

    COPIED = "the world itself: in every copy"
    PLACED = "how the world stands to others outside: made anew at the end of the log of a copy"
    ENDED = "who was let in, and what was under way: no copy has it, and a reset or a restoration ends it"
    KEPT = "what stays with the sandbox as long as it is there; no copy has it"
    ELSEWHERE = "rows of the live workspace alone; no sandbox has any"


_COPIED = (
    "customer case task offer webhook_endpoint webhook_secret webhook_secret_seal scenario_run"
    " event counter term search"
)
_PLACED = "webhook_health webhook_cursor"
_ENDED = (
    "api_key credential account_link customer_account customer_session fault sandbox_advance"
    " webhook_delivery webhook_attempt idempotency job oauth_token"
)
_KEPT = "world usage"
_ELSEWHERE = (
    "organization application client_secret client_secret_mark member invitation invitation_address"
    " sandbox sandbox_snapshot"
)
MEANS: Mapping[str, Means] = MappingProxyType(
    {
        **dict.fromkeys(_COPIED.split(), Means.COPIED),
        **dict.fromkeys(_PLACED.split(), Means.PLACED),
        **dict.fromkeys(_ENDED.split(), Means.ENDED),
        **dict.fromkeys(_KEPT.split(), Means.KEPT),
        **dict.fromkeys(_ELSEWHERE.split(), Means.ELSEWHERE),
    }
)
"""By the name of the table: every one that has a `workspace_id`."""
WORDS = "search"
"""Words are found by a number that depends on the workspace, so they are no rows like others (`db/search`)."""
DRAWN = "n"
"""A column that the database fills, in the order of the log's rows."""


def ordered(*means: Means) -> list[Table]:
    """The tables that mean this, each after those that it refers to."""
    return [table for table in SQLModel.metadata.sorted_tables if MEANS.get(table.name) in means]


def kinds() -> Iterator[Kind[Any]]:
    """The kinds of resources that a copy has, in the same order."""
    by_table = {kind.table.name: kind for kind in Kind.known.values()}
    return (by_table[table.name] for table in ordered(Means.COPIED) if table.name in by_table)


def place(table: Table) -> list[Column[Any]]:
    """What tells a row from the others of its workspace; nothing where there is one row at most."""
    return [column for column in table.primary_key.columns if column.name != "workspace_id"]


def columns(table: Table) -> list[str]:
    """The columns that a copy has of a row, but for the workspace."""
    return [column.name for column in table.columns if column.name not in ("workspace_id", DRAWN)]


def inner(table: Table) -> list[str]:
    """The columns that refer to another row of the same table, whichever of the two comes first."""
    found = (key.column_keys for key in table.foreign_key_constraints if key.referred_table is table)
    return [str(name) for names in found for name in names if name != "workspace_id"]
