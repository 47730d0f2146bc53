"""What those are told who show no credential that works, or one that may not do this (RFC 6750, RFC 9728)."""

from engage_api.core.principal import Principal
from engage_api.core.problem import InsufficientScope, Unauthenticated
from engage_api.core.scopes import Scope

HOW = "Send `Authorization: Bearer …` with an API key or a token that works. A sandbox's ends with the sandbox."
"""What a 401 says, the same whether there was none, or one that is mistyped, ended or not for this address."""


def unauthenticated(base_url: str, *, invalid: bool) -> Unauthenticated:
    """There is none that works. `invalid`: there is one."""
    error = ', error="invalid_token"' if invalid else ""
    metadata = f"{base_url}/.well-known/oauth-protected-resource"
    return Unauthenticated(
        HOW,
        headers={"WWW-Authenticate": f'Bearer realm="engage"{error}, resource_metadata="{metadata}"'},
    )


def forbidden(principal: Principal, scope: Scope) -> InsufficientScope:
    """It lacks this scope."""
    challenge = f'Bearer realm="engage", error="insufficient_scope", scope="{scope.value}"'
    only = " A customer's token opens /v1/me alone." if principal.customer else ""
    return InsufficientScope(
        f"The scope {scope.value} is needed.{only}",
        headers={"WWW-Authenticate": challenge},
        more={"requiredScope": scope.value},
    )
