"""What the authorization server says of itself (RFC 8414): what is there, and nothing else."""

from typing import Any

from engage_api.access.oauth.device import DeviceCode
from engage_api.access.oauth.forms import METHODS, WITH_NONE
from engage_api.access.oauth.grants import GRANTS
from engage_api.access.oauth.identity import IDENTITY
from engage_api.access.oauth.jwks import JWKS
from engage_api.core.scopes import Scope

PATH = "/.well-known/oauth-authorization-server"
AUTHORIZE = "/oauth/authorize"  # path
TOKEN, REVOKE, INTROSPECT = "/oauth/token", "/oauth/revoke", "/oauth/introspect"  # paths
DEVICE = "/oauth/device_authorization"  # path
REGISTER = "/oauth/register"  # path, in sandboxes only


def document(base_url: str) -> dict[str, Any]:
    """The metadata. `issuer` is the service's own address, as clients know it."""
    methods, with_none = list(METHODS), list(WITH_NONE)
    return {
        "issuer": base_url,
        "authorization_endpoint": f"{base_url}{AUTHORIZE}",
        "authorization_response_iss_parameter_supported": True,
        "token_endpoint": f"{base_url}{TOKEN}",
        "token_endpoint_auth_methods_supported": with_none,
        "revocation_endpoint": f"{base_url}{REVOKE}",
        "revocation_endpoint_auth_methods_supported": with_none,
        "introspection_endpoint": f"{base_url}{INTROSPECT}",
        "introspection_endpoint_auth_methods_supported": methods,
        "device_authorization_endpoint": f"{base_url}{DEVICE}",
        "jwks_uri": f"{base_url}{JWKS}",
        "registration_endpoint": f"{base_url}{REGISTER}",
        "grant_types_supported": [grant.GRANT_TYPE for grant in (*GRANTS, DeviceCode)],
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "code_challenge_methods_supported": ["S256"],
        "scopes_supported": [*IDENTITY, *(scope.value for scope in Scope)],
        "protected_resources": [f"{base_url}/v1"],
        "service_documentation": f"{base_url}/oauth/",
    }
