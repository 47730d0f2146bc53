"""What the authorization server says of itself (RFC 8414): what is there, and nothing else."""

from typing import Any

from engage_api.access.oauth.forms import METHODS
from engage_api.access.oauth.server import GRANTS
from engage_api.core.scopes import Scope

PATH = "/.well-known/oauth-authorization-server"
TOKEN, REVOKE, INTROSPECT = "/oauth/token", "/oauth/revoke", "/oauth/introspect"  # paths


def document(base_url: str) -> dict[str, Any]:
    """The metadata. `issuer` is the service's own address, as clients know it."""
    methods = list(METHODS)
    return {
        "issuer": base_url,
        "token_endpoint": f"{base_url}{TOKEN}",
        "token_endpoint_auth_methods_supported": methods,
        "revocation_endpoint": f"{base_url}{REVOKE}",
        "revocation_endpoint_auth_methods_supported": methods,
        "introspection_endpoint": f"{base_url}{INTROSPECT}",
        "introspection_endpoint_auth_methods_supported": methods,
        "grant_types_supported": [grant.GRANT_TYPE for grant in GRANTS],
        "response_types_supported": [],  # of an authorization endpoint, and no grant has one
        "scopes_supported": [scope.value for scope in Scope],
        "protected_resources": [f"{base_url}/v1"],
        "service_documentation": f"{base_url}/oauth/",
    }
