"""The one rule of who may see which row."""

from sqlalchemy import ColumnElement, Table, bindparam

from engage_api.core.principal import Principal


def visible(table: Table, *, sees_workspace: bool) -> list[ColumnElement[bool]]:
    """The rows that a principal may see: those of its workspace, and if it does not see all of that, those it made.

    Parameters of the statement: `workspace` and, for the second kind, `application`; `whose` gives both.
    """
    mine = [table.c.workspace_id == bindparam("workspace")]
    return mine if sees_workspace else [*mine, table.c.made_by == bindparam("application")]


def whose(principal: Principal) -> dict[str, str]:
    """The values for the predicates of `visible`."""
    return {"workspace": principal.workspace, "application": principal.application}
