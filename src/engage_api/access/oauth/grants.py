"""The grants, decided by Authlib over what was fetched before."""

import hmac
import re
from typing import Any

from authlib.oauth2.rfc6749 import InvalidScopeError, grants
from authlib.oauth2.rfc7636 import CodeChallenge, create_s256_code_challenge

from engage_api.access.oauth.forms import METHODS, WITH_NONE, Refused
from engage_api.access.oauth.identity import IDENTITY
from engage_api.access.oauth.store import GRACE, Allowed
from engage_api.core import clock

_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")  # 32 bytes in base64url


class ClientCredentials(grants.ClientCredentialsGrant):  # type: ignore[misc]  # Authlib has no types
    """A program gets a token for itself (RFC 6749 section 4.4), for one resource (RFC 8707)."""

    TOKEN_ENDPOINT_AUTH_METHODS = METHODS

    def validate_token_request(self) -> None:
        super().validate_token_request()
        if IDENTITY.keys() & set((self.request.payload.scope or "").split(" ")):
            raise InvalidScopeError  # there is nobody whom they could be about
        require_may(self)


class Pkce(CodeChallenge):  # type: ignore[misc]
    """S256 for every client: `plain` protects nothing, and what is optional can be left out by an attacker."""

    CODE_CHALLENGE_METHODS = {
        "S256": lambda verifier, challenge: hmac.compare_digest(create_s256_code_challenge(verifier), challenge)
    }

    def validate_code_challenge(self, grant: Any, _: str) -> None:
        data = grant.request.payload.data
        if not _CHALLENGE.fullmatch(data.get("code_challenge", "")):
            raise Refused("invalid_request", "A code_challenge of 43 characters is needed (RFC 7636).")
        if data.get("code_challenge_method") != "S256":
            raise Refused("invalid_request", "The only code_challenge_method is S256.")

    def get_authorization_code_challenge_method(self, _: Allowed) -> str:
        return "S256"


class AuthorizationCode(grants.AuthorizationCodeGrant):  # type: ignore[misc]
    """A person has allowed it, and the program shows the code that it got for that (RFC 6749 section 4.1)."""

    TOKEN_ENDPOINT_AUTH_METHODS = WITH_NONE

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        Pkce()(self)

    def validate_token_request(self) -> None:
        super().validate_token_request()
        require_may(self)

    def query_authorization_code(self, _: str, client: Any) -> Allowed | None:
        """A code that was used is at once the end of what was got for it (section 4.1.2)."""
        found: Allowed | None = self.server.found.allowed
        if found is None or not found.check_client(client):
            return None
        if found.redeemed:
            self.server.ended = found.id
            return None
        return None if found.is_expired() or not found.scope else found

    def authenticate_user(self, allowed: Allowed) -> str:
        return allowed.account

    def delete_authorization_code(self, _: Allowed) -> None:
        """It is used up when it is written down what is given for it."""


class Refresh(grants.RefreshTokenGrant):  # type: ignore[misc]
    """A program goes on acting for a person (RFC 6749 section 6); each token is exchanged for the next one."""

    TOKEN_ENDPOINT_AUTH_METHODS = WITH_NONE
    INCLUDE_NEW_REFRESH_TOKEN = True

    def validate_token_request(self) -> None:
        super().validate_token_request()
        require_may(self)

    def authenticate_refresh_token(self, _: str) -> Allowed | None:
        """One that was exchanged before is the end of all that followed from it (RFC 9700 section 4.14.2)."""
        found: Allowed | None = self.server.found.allowed
        if found is None or not found.check_client(self.request.client):
            return None
        if found.refreshed_at is not None and found.refreshed_at <= clock.host() - GRACE:
            self.server.ended = found.id
            return None
        return None if found.is_expired() or not found.scope else found

    def authenticate_user(self, allowed: Allowed) -> str:
        return allowed.account

    def revoke_old_credential(self, _: Allowed) -> None:
        """It is used up when it is written down what is given for it."""


GRANTS = (ClientCredentials, AuthorizationCode, Refresh)


def require_may(grant: Any) -> None:
    """Refuse a client that gets no token now, or none for the resource that it names."""
    if grant.request.client.barred is not None:
        raise Refused("unauthorized_client", grant.request.client.barred)
    found = grant.server.found
    if found.workspace is None or (found.allowed is not None and found.allowed.place != found.workspace):
        raise Refused("invalid_target", "The client gets no token for this resource.")
