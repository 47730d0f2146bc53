"""What a member may do in the organization: one role each."""

from typing import Literal, get_args

from engage_api.core.scopes import Scope

Role = Literal["owner", "developer", "viewer"]
ROLES: tuple[Role, ...] = get_args(Role)


def allows(role: Role, scope: Scope) -> bool:
    """Whether an application may use this scope for a member with this role.

    Owners may everything, developers everything but to administer, viewers may look.
    """
    if role == "owner":
        return True
    if role == "developer":
        return not scope.administers
    return scope.value.endswith(":read") and not scope.administers
