"""The one rule of who may see which row."""

from typing import Literal

from sqlalchemy import ColumnElement, Table, bindparam, false, or_

from engage_api.core.principal import Principal

Audience = Literal["workspace", "own", "customer"]


def audience(principal: Principal) -> Audience:
    """What a principal sees: the whole workspace, what is its own, or the customer that it is."""
    if principal.customer:
        return "customer"
    return "workspace" if principal.sees_workspace else "own"


def visible(table: Table, whom: Audience) -> list[ColumnElement[bool]]:
    """The rows that an audience may see: all of the workspace; or of its own, those that it made; or of a customer,
    nothing.

    A table says in its `info` by which column it is otherwise: `organization`, for whoever sees what is their own, the
    rows of their organization; `customer`, for a customer, the rows that are theirs. `shared`: what is made by an
    organization itself is seen by all of its applications.
    Parameters of the statement: `workspace` and, for all but the first, `application`, `organization` or `customer`;
    `whose` gives all.
    """
    mine = [table.c.workspace_id == bindparam("workspace")]
    if whom == "workspace":
        return mine
    if whom == "customer":
        customer = table.info.get("customer")
        return [*mine, false() if customer is None else table.c[customer] == bindparam("customer")]
    organization = table.info.get("organization")
    if organization is not None:
        return [*mine, table.c[organization] == bindparam("organization")]
    own = table.c.made_by == bindparam("application")
    if table.info.get("shared"):
        return [*mine, or_(own, table.c.made_by == bindparam("organization"))]
    return [*mine, own]


def whose(principal: Principal) -> dict[str, str]:
    """The values for the predicates of `visible`."""
    return {
        "workspace": principal.workspace,
        "application": principal.application,
        "organization": principal.organization,
        "customer": principal.customer,
    }
