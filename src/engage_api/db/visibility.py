"""The one rule of who may see which row."""

from sqlalchemy import ColumnElement, Table, bindparam

from engage_api.core.principal import Principal


def visible(table: Table, *, sees_workspace: bool) -> list[ColumnElement[bool]]:
    """The rows that a principal may see: those of its workspace, and if it does not see all of that, those it made.

    Of a table that names in its `info` the column that holds an `organization`: those of its organization.
    Parameters of the statement: `workspace` and, for the second kind, `application` or `organization`; `whose` gives
    all.
    """
    mine = [table.c.workspace_id == bindparam("workspace")]
    if sees_workspace:
        return mine
    organization = table.info.get("organization")
    if organization is not None:
        return [*mine, table.c[organization] == bindparam("organization")]
    return [*mine, table.c.made_by == bindparam("application")]


def whose(principal: Principal) -> dict[str, str]:
    """The values for the predicates of `visible`."""
    return {
        "workspace": principal.workspace,
        "application": principal.application,
        "organization": principal.organization,
    }
