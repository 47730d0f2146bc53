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
from authlib.oauth2.rfc6750 import BearerTokenGenerator

from engage_api.access.oauth.clients import Client
from engage_api.access.oauth.device import DeviceAuthorization, DeviceCode
from engage_api.access.oauth.devices import Device
from engage_api.access.oauth.forms import NONE, WITH_NONE, Asked, Refused
from engage_api.access.oauth.grants import GRANTS
from engage_api.access.oauth.held import INTROSPECT, REVOKE, Held, Introspection, Revocation
from engage_api.access.oauth.signed import JWT, Signing
from engage_api.access.oauth.store import Allowed
from engage_api.access.oauth.tokens import LIFETIME, Purpose, resource
from engage_api.core import secret
from engage_api.core.secret import Secret

logging.getLogger("authlib").setLevel(logging.INFO)  # at DEBUG it writes down the tokens that it issues

__all__ = ["INTROSPECT", "REVOKE", "Answer", "Found", "Issued", "Server", "refusal"]
TOLD = {
    "access_denied": "Somebody has said no.",
    "authorization_pending": "Nobody has said yes yet: ask again after the interval.",
    "expired_token": "Nobody has said yes in time: begin again.",
    "slow_down": "Ask less often: the interval is five seconds longer from now on.",
    "invalid_client": "The client is unknown, its secret is wrong, or it has shown none.",
    "invalid_grant": "The code or the refresh token is unknown, used or expired, or what it was given for differs.",
    "invalid_request": "A parameter that is needed is missing, or has not the form that it needs.",
    "invalid_scope": "A scope does not exist, or the application does not have it.",
    "unauthorized_client": "The client may not use this grant.",
    "unsupported_grant_type": "There is no such grant: the metadata of the server names all.",
    "unsupported_response_type": "The only response type is code.",
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
    None: nowhere. `allowed` is the grant of a person that it shows a code or a refresh token of, `following` what comes
    after that refresh token. `held` is the token that it asks about, `signing` what tokens for it are signed with.
    """

    client: Client
    mark: bytes = b""
    workspace: str | None = None
    allowed: Allowed | None = None
    following: Secret | None = None
    held: Held | None = None
    device: Device | None = None
    """The device that asks for its tokens."""
    signing: Signing | None = None


class Issued(NamedTuple):
    """What is to be written down before it is shown."""

    access: Secret
    purpose: Purpose
    refresh: Secret | None


class Server(AuthorizationServer):  # type: ignore[misc]  # Authlib has no types
    """The server for one request. `issued`, `revoked`, `ended`, the id of a grant, and `begun`, a device's codes and
    scopes, are what it has decided and somebody has to write down.

    `client` is whoever has proved who it is, with the secret `secret_id`, or has none to prove it with.
    """

    def __init__(self, found: Found, base_url: str = "") -> None:
        super().__init__()
        self.found, self.base_url = found, base_url
        self.client: Client | None = None
        self.secret_id: str | None = None
        self.issued: Issued | None = None
        self.revoked: Held | None = None
        self.ended: str | None = None
        self.begun: tuple[str, str, str] | None = None
        for method in WITH_NONE:
            self.register_client_auth_method(method, _proof(self, method))
        for grant in (*GRANTS, DeviceCode):
            self.register_grant(grant)
        for endpoint in (Revocation, Introspection, DeviceAuthorization):
            self.register_endpoint(endpoint)
        generator = BearerTokenGenerator(self._make, self._make_refresh, expires_generator=LIFETIME.seconds)
        self.register_token_generator("default", generator)

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

    def save_token(self, token: dict[str, Any], asked: Asked) -> None:
        client, workspace, allowed = self.found.client, self.found.workspace, self.found.allowed
        assert workspace is not None  # noqa: S101  # the grant has refused it
        grant, refresh = allowed.id if allowed else None, token.get("refresh_token")
        purpose = Purpose(client.id, self.secret_id, client.application, workspace, token["scope"], grant)
        self.issued = Issued(Secret(token["access_token"]), purpose, Secret(refresh) if refresh else None)
        if self.found.signing and allowed:
            nonce = allowed.nonce if "code" in asked.form else None
            who = self.found.signing.id_token(allowed, token["scope"], token["access_token"], nonce=nonce)
            token |= {"id_token": who} if who else {}

    def _make(self, client: Client, *, scope: str, **_: Any) -> str:
        found = self.found
        if found.signing and found.workspace and client.access_token_format == JWT:
            subject = found.allowed.account if found.allowed else client.application
            place = resource(self.base_url, found.workspace, live=client.live)
            return found.signing.access_token(subject, place, scope)
        return secret.make("live" if client.live else "test", "token").reveal()

    def _make_refresh(self, client: Client, **_: Any) -> str:
        return (self.found.following or secret.make("live" if client.live else "test", "refresh")).reveal()


def _proof(server: Server, method: str) -> Callable[[Any, Asked], Client | None]:
    """A way to authenticate clients. Who is unknown costs as much as whose secret is wrong."""

    def authenticate(query_client: Callable[[str], Client], request: Asked) -> Client | None:
        if request.shown is None or request.shown.method != method:
            return None
        client = query_client(request.shown.client_id)
        server.secret_id = client.secret_of(server.found.mark)
        server.client = client if server.secret_id or (method == NONE and client.public) else None
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
