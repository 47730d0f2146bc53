"""What a member may do in the organization: one role each."""

from typing import Literal, get_args

from engage_api.core.scopes import Scope

Role = Literal["owner", "developer", "viewer"]
ROLES: tuple[Role, ...] = get_args(Role)
MEANING: dict[Role, str] = {
    "owner": "everything, members too",
    "developer": "applications, keys and data",
    "viewer": "looks, and changes nothing",
}
"""What each role is for, as people are told."""


def allows(role: Role, scope: Scope) -> bool:
    """Whether an application may use this scope for a member with this role, and a page of ours, too.

    Owners may everything; developers everything but to administer, and members are the owners' affair; viewers may
    look. What customers may see of themselves is no member's affair.
    """
    if scope is Scope.ME_READ:
        return False
    if role == "owner":
        return True
    if role == "developer":
        return not scope.administers and scope is not Scope.MEMBERS_WRITE
    return scope.value.endswith(":read") and not scope.administers


def scopes(role: Role, *, internal: bool) -> frozenset[Scope]:
    """All that a member with this role may do; to administer is for members of internal organizations alone."""
    return frozenset(scope for scope in Scope if allows(role, scope) and (internal or not scope.administers))
