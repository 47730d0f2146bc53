"""What somebody holds already, an access token or a refresh token: its end, and what it may still do.

What is not the client's own is to it as if it had never been issued.
"""

from typing import Any

from authlib.oauth2.rfc7009 import RevocationEndpoint
from authlib.oauth2.rfc7662 import IntrospectionEndpoint

from engage_api.access.oauth.forms import METHODS, WITH_NONE, Asked, Refused
from engage_api.access.oauth.identity import IDENTITY
from engage_api.access.oauth.store import Allowed
from engage_api.access.oauth.tokens import Token

REVOKE, INTROSPECT = RevocationEndpoint.ENDPOINT_NAME, IntrospectionEndpoint.ENDPOINT_NAME


Held = Token | Allowed
"""A token of either kind. A refresh token stands for its grant."""


class Revocation(RevocationEndpoint):  # type: ignore[misc]  # Authlib has no types
    """The end of a token (RFC 7009)."""

    CLIENT_AUTH_METHODS = WITH_NONE

    def check_params(self, request: Asked, _: Any) -> None:
        _require_token(request)

    def query_token(self, *_: str | None) -> Held | None:
        return _own(self.server)

    def revoke_token(self, token: Held, _: Asked) -> None:
        self.server.revoked = token


class Introspection(IntrospectionEndpoint):  # type: ignore[misc]
    """What a token of the client's own may still do (RFC 7662). A client without a secret learns nothing."""

    CLIENT_AUTH_METHODS = METHODS

    def check_params(self, request: Asked, _: Any) -> None:
        _require_token(request)

    def query_token(self, *_: str | None) -> Held | None:
        return _own(self.server)

    def check_permission(self, *_: Any) -> bool:
        return True  # `query_token` gives the client's own only

    def introspect_token(self, token: Held) -> dict[str, Any]:
        told = {"active": True, "iss": self.server.base_url, "client_id": token.client_id}
        return told | (self._access(token) if isinstance(token, Token) else _refresh(token))

    def _access(self, token: Token) -> dict[str, Any]:
        still = token.principal.scopes if token.principal else frozenset()
        return {
            "sub": token.person or token.application,
            "aud": token.resource(self.server.base_url),
            "token_type": "Bearer",
            "scope": " ".join(scope for scope in token.scope.split(" ") if scope in still or scope in IDENTITY),
            "iat": int(token.issued_at.timestamp()),
            "exp": int(token.expires_at.timestamp()),
        }


def _refresh(allowed: Allowed) -> dict[str, Any]:
    until = min(allowed.until, allowed.ends_at)
    return {"sub": allowed.account, "scope": allowed.scope, "exp": int(until.timestamp())}


def _require_token(request: Asked) -> None:
    """The hint of what it is may be wrong, so it is not looked at (RFC 7009 section 2.1)."""
    if "token" not in request.form:
        raise Refused("invalid_request", "The parameter token is missing.")


def _own(server: Any) -> Held | None:
    held: Held | None = server.found.held
    return held if held is not None and held.check_client(server.found.client) else None
