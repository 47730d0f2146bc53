"""Authlib's decisions, over what was fetched before.

Its core knows no `await`, and our data path knows nothing else. So a request is served in three steps: fetch all that
may matter, let Authlib decide (its hooks answer from memory and collect what is to be written), then write that in one
transaction. A server is made for each request; that costs less than 100 µs.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

from authlib.oauth2 import AuthorizationServer, OAuth2Error
from authlib.oauth2.rfc6749 import grants
from authlib.oauth2.rfc6750 import BearerTokenGenerator
from authlib.oauth2.rfc7009 import RevocationEndpoint
from authlib.oauth2.rfc7662 import IntrospectionEndpoint

from engage_api.access.oauth.clients import Client
from engage_api.access.oauth.forms import METHODS, Asked, Refused
from engage_api.access.oauth.tokens import LIFETIME, Purpose, Token
from engage_api.core import secret
from engage_api.core.secret import Secret

logging.getLogger("authlib").setLevel(logging.INFO)  # at DEBUG it writes down the tokens that it issues

REVOKE, INTROSPECT = RevocationEndpoint.ENDPOINT_NAME, IntrospectionEndpoint.ENDPOINT_NAME
TOLD = {
    "invalid_client": "The client is unknown, its secret is wrong, or it has shown none.",
    "invalid_request": "A parameter that is needed is missing.",
    "invalid_scope": "A scope does not exist, or the application does not have it.",
    "unsupported_grant_type": "The only grant is client_credentials.",
}
"""What is said of refusals of Authlib's: its own words repeat what the client sent."""


class Answer(NamedTuple):
    """What is answered: JSON."""

    status: int
    body: dict[str, Any]
    headers: dict[str, str]


@dataclass(frozen=True, slots=True)
class Found:
    """All that was fetched for one request.

    `mark` is the fingerprint of the secret that the client showed, `workspace` where its token would be good for;
    None: nowhere.
    """

    client: Client
    mark: bytes
    workspace: str | None = None
    token: Token | None = None


class Server(AuthorizationServer):  # type: ignore[misc]  # Authlib has no types
    """The server for one request. `issued` and `revoked` are what it has decided and somebody has to write down.

    `client` is whoever has proved who it is, with the secret `secret_id`.
    """

    def __init__(self, found: Found, base_url: str = "") -> None:
        super().__init__()
        self.found, self.base_url = found, base_url
        self.client: Client | None = None
        self.secret_id: str | None = None
        self.issued: tuple[Secret, Purpose] | None = None
        self.revoked: Token | None = None
        for method in METHODS:
            self.register_client_auth_method(method, _proof(self, method))
        for grant in GRANTS:
            self.register_grant(grant)
        for endpoint in (Revocation, Introspection):
            self.register_endpoint(endpoint)
        self.register_token_generator("default", BearerTokenGenerator(self._make, expires_generator=LIFETIME.seconds))

    def query_client(self, _: str) -> Client:
        return self.found.client

    def create_oauth2_request(self, request: Asked) -> Asked:
        return request

    def handle_response(self, status: int, body: dict[str, Any], headers: list[tuple[str, str]]) -> Answer:
        return Answer(status, body, dict(headers))

    def handle_error_response(self, _: Asked, error: OAuth2Error) -> Answer:
        return refusal(error)

    def send_signal(self, *_: Any, **__: Any) -> None:
        """Nobody listens."""

    def save_token(self, token: dict[str, Any], _: Asked) -> None:
        client, workspace = self.found.client, self.found.workspace
        assert workspace is not None  # noqa: S101  # the grant has refused it
        assert self.secret_id is not None  # noqa: S101  # and whoever is not known
        purpose = Purpose(client.id, self.secret_id, client.application, workspace, token["scope"])
        self.issued = Secret(token["access_token"]), purpose

    def _make(self, client: Client, **_: Any) -> str:
        return secret.make("live" if client.live else "test", "token").reveal()


def _proof(server: Server, method: str) -> Callable[[Any, Asked], Client | None]:
    """A way to authenticate clients. Who is unknown costs as much as whose secret is wrong."""

    def authenticate(query_client: Callable[[str], Client], request: Asked) -> Client | None:
        if request.shown is None or request.shown.method != method:
            return None
        client = query_client(request.shown.client_id)
        server.secret_id = client.secret_of(server.found.mark)
        server.client = client if server.secret_id else None
        return server.client

    return authenticate


def refusal(error: OAuth2Error) -> Answer:
    """An error as RFC 6749 section 5.2 has it. Whoever is not known learns how to say who they are."""
    told = error.description if isinstance(error, Refused) else TOLD.get(error.error, "")
    headers = {"Cache-Control": "no-store", "Pragma": "no-cache"}
    if error.error == "invalid_client":
        return Answer(401, {"error": error.error, "error_description": told}, headers | {"WWW-Authenticate": CHALLENGE})
    return Answer(error.status_code, {"error": error.error, "error_description": told}, headers)


CHALLENGE = 'Basic realm="engage", charset="UTF-8"'


class ClientCredentials(grants.ClientCredentialsGrant):  # type: ignore[misc]
    """A program gets a token for itself (RFC 6749 section 4.4), for one resource (RFC 8707)."""

    TOKEN_ENDPOINT_AUTH_METHODS = METHODS

    def validate_token_request(self) -> None:
        super().validate_token_request()
        if self.client.barred is not None:
            raise Refused("unauthorized_client", self.client.barred)
        if self.server.found.workspace is None:
            raise Refused("invalid_target", "The client gets no token for this resource.")


class Revocation(RevocationEndpoint):  # type: ignore[misc]
    """The end of a token (RFC 7009). What is not the client's own is to it as if it had never been issued."""

    CLIENT_AUTH_METHODS = METHODS

    def check_params(self, request: Asked, _: Client) -> None:
        _require_token(request)

    def query_token(self, *_: str | None) -> Token | None:
        return _own(self.server)

    def revoke_token(self, token: Token, _: Asked) -> None:
        self.server.revoked = token


class Introspection(IntrospectionEndpoint):  # type: ignore[misc]
    """What a token of the client's own may still do (RFC 7662)."""

    CLIENT_AUTH_METHODS = METHODS

    def check_params(self, request: Asked, _: Client) -> None:
        _require_token(request)

    def query_token(self, *_: str | None) -> Token | None:
        return _own(self.server)

    def check_permission(self, *_: Any) -> bool:
        return True  # `query_token` gives the client's own only

    def introspect_token(self, token: Token) -> dict[str, Any]:
        still = token.principal.scopes if token.principal else frozenset()
        return {
            "active": True,
            "iss": self.server.base_url,
            "sub": token.application,
            "aud": token.resource(self.server.base_url),
            "client_id": token.client_id,
            "token_type": "Bearer",
            "scope": " ".join(scope for scope in token.scope.split(" ") if scope in still),
            "iat": int(token.issued_at.timestamp()),
            "exp": int(token.expires_at.timestamp()),
        }


GRANTS = (ClientCredentials,)


def _require_token(request: Asked) -> None:
    """The hint of what it is may be wrong, so it is not looked at (RFC 7009 section 2.1)."""
    if "token" not in request.form:
        raise Refused("invalid_request", "The parameter token is missing.")


def _own(server: Server) -> Token | None:
    token = server.found.token
    return token if token is not None and token.client_id == server.found.client.id else None
