"""The OpenID provider at which people may sign in: what we send it, and what we believe of what it answers.

Authlib and joserfc do what can be got wrong: addresses, forms, signatures and claims. All requests go through
`http/outbound`. What the provider says is believed as far as OpenID Connect Core section 3.1.3.7 goes, and no further.
"""

import json
from dataclasses import dataclass, field
from time import monotonic
from typing import Any
from urllib.parse import quote

from authlib.oauth2.auth import ClientAuth
from authlib.oauth2.rfc6749.parameters import prepare_grant_uri, prepare_token_request
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet

from engage_api.access.accounts.outside.identity import CALLBACK, Identity, Untrusted
from engage_api.core import clock
from engage_api.http.answers import Unanswered
from engage_api.http.outbound import Outbound
from engage_api.settings import Settings

SCOPE = "openid email profile"
ALGORITHMS = ["RS256", "PS256", "ES256"]
KEY_TYPES = {"RSA", "EC"}
FRESH = 600.0  # seconds for which its metadata and its keys are believed
PAUSE = 30.0  # seconds between two looks for a key that we do not know
LEEWAY = 60  # seconds between its clock and ours
LONGEST = 16_384  # characters of an ID token
LONGEST_SUBJECT = 255  # characters (OpenID Connect Core section 2)
_KINDS = (None, "jwt", "application/jwt")
_ENDPOINTS = ("authorization_endpoint", "token_endpoint", "jwks_uri")


@dataclass(slots=True)
class _Kept:
    """Something that was fetched, and when."""

    value: dict[str, Any]
    since: float = field(default_factory=monotonic)

    def fresh(self, seconds: float) -> bool:
        return monotonic() - self.since < seconds


class Provider:
    """One provider, as the settings name it."""

    def __init__(self, settings: Settings, outbound: Outbound) -> None:
        self.issuer = settings.oidc_issuer
        self.name = settings.oidc_name or self.issuer.partition("://")[2]
        self._id = settings.oidc_client_id
        self._secret = settings.oidc_client_secret.get_secret_value()
        self._back = settings.base_url + CALLBACK
        self._outbound = outbound
        self._metadata: _Kept | None = None
        self._keys: _Kept | None = None

    def close(self) -> None:
        """Waits for nothing."""
        self._outbound.close()

    async def address(self, state: str, nonce: str, verifier: str) -> str:
        """Where to send somebody to sign in (section 3.1.2.1), with PKCE (RFC 7636).

        Raises:
            Untrusted: the provider cannot be asked.
        """
        metadata = await self._about()
        more = {"nonce": nonce, "code_challenge": create_s256_code_challenge(verifier), "code_challenge_method": "S256"}
        place: str = prepare_grant_uri(
            metadata["authorization_endpoint"], self._id, "code", self._back, SCOPE, state, **more
        )
        return place

    async def refuse_other(self, issuer: str | None) -> None:
        """Refuse an answer of another provider (RFC 9207): a mix-up.

        Raises:
            Untrusted: it names another issuer, or none though ours always does.
        """
        if issuer is None:
            if (await self._about()).get("authorization_response_iss_parameter_supported") is True:
                raise Untrusted("the answer names no issuer, and the provider says that it always does")
        elif issuer != self.issuer:
            raise Untrusted("the answer is of another issuer")

    async def identify(self, code: str, nonce: str, verifier: str) -> Identity:
        """Who came back with this code.

        Raises:
            Untrusted: nobody, as far as we believe.
        """
        metadata = await self._about()
        tokens = await self._redeem(metadata, code, verifier)
        text, access = tokens.get("id_token"), tokens.get("access_token")
        if not isinstance(text, str) or not isinstance(access, str) or not 0 < len(text) <= LONGEST:
            raise Untrusted("the token answer has no ID token or no access token")
        claims = self._believed(await self._decoded(text), nonce, access)
        told = claims if "email" in claims else claims | await self._told(metadata, access, claims["sub"])
        email, name = told.get("email"), told.get("name")
        return Identity(
            self.issuer,
            claims["sub"],
            email if isinstance(email, str) and told.get("email_verified") is True else "",
            name if isinstance(name, str) else "",
        )

    async def _about(self) -> dict[str, Any]:
        """What the provider says of itself (OpenID Connect Discovery section 4)."""
        if self._metadata is None or not self._metadata.fresh(FRESH):
            found = await self._json("GET", f"{self.issuer.rstrip('/')}/.well-known/openid-configuration")
            if found.get("issuer") != self.issuer:
                raise Untrusted("the metadata is of another issuer")
            for name in _ENDPOINTS:
                self._require_address(found.get(name), name)
            self._metadata = _Kept(found)
        return self._metadata.value

    def _require_address(self, url: Any, name: str) -> None:
        try:
            self._outbound.check(url if isinstance(url, str) else "")
        except Unanswered as error:
            raise Untrusted(f"{name} of the metadata is no address: {error.reason}") from None

    async def _redeem(self, metadata: dict[str, Any], code: str, verifier: str) -> dict[str, Any]:
        """The tokens for a code (section 3.1.3.1)."""
        methods = metadata.get("token_endpoint_auth_methods_supported")
        posted = isinstance(methods, list) and "client_secret_basic" not in methods
        method = "client_secret_post" if posted else "client_secret_basic"
        # RFC 6749 section 2.3.1: both halves are written as in a form, which Authlib leaves to us.
        written = (quote(self._id, safe=""), quote(self._secret, safe=""))
        proof = ClientAuth(*((self._id, self._secret) if posted else written), method)
        form = prepare_token_request("authorization_code", "", self._back, code=code, code_verifier=verifier)
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        place, headers, form = proof.prepare("POST", metadata["token_endpoint"], headers, form)
        return await self._json("POST", place, headers, form.encode())

    async def _decoded(self, text: str) -> jwt.Token:
        """The ID token, if a key of the provider's has signed it. A key that we do not know may be a new one."""
        try:
            return self._verified(text, await self._published())
        except InvalidKeyIdError:
            if self._keys is not None and self._keys.fresh(PAUSE):
                raise Untrusted("the ID token is signed with an unknown key") from None
            self._keys = None
        try:
            return self._verified(text, await self._published())
        except InvalidKeyIdError:
            raise Untrusted("the ID token is signed with an unknown key") from None

    def _verified(self, text: str, keys: KeySet) -> jwt.Token:
        try:
            return jwt.decode(text, keys, ALGORITHMS)
        except InvalidKeyIdError:
            raise
        except (JoseError, ValueError, TypeError, RecursionError) as error:
            raise Untrusted(f"the ID token is not signed as it must be: {type(error).__name__}") from None

    async def _published(self) -> KeySet:
        """The provider's keys; secrets are none, so no signature with a shared key is ever believed."""
        if self._keys is None or not self._keys.fresh(FRESH):
            found = await self._json("GET", (await self._about())["jwks_uri"])
            self._keys = _Kept(found)
        keys = self._keys.value.get("keys")
        usable = [
            key
            for key in (keys if isinstance(keys, list) else [])
            if isinstance(key, dict) and key.get("kty") in KEY_TYPES and key.get("use", "sig") == "sig"
        ]
        try:
            return KeySet.import_key_set({"keys": usable})
        except (JoseError, ValueError, TypeError) as error:
            raise Untrusted(f"the keys of the provider cannot be read: {type(error).__name__}") from None

    def _believed(self, token: jwt.Token, nonce: str, access: str) -> dict[str, Any]:
        """The claims of an ID token that is for us, from here and now, and an answer to what we asked."""
        given: dict[str, Any] = token.claims
        kind = token.header.get("typ")
        if (kind.lower() if isinstance(kind, str) else kind) not in _KINDS:
            raise Untrusted("the ID token is a token of another kind")
        wanted = {"iss": {"essential": True, "value": self.issuer}, "aud": {"essential": True, "value": self._id}}
        params = {"nonce": nonce, "client_id": self._id, "access_token": access}
        try:
            CodeIDToken(given, token.header, wanted, params).validate(int(clock.host().timestamp()), LEEWAY)
        except (JoseError, ValueError, TypeError, AttributeError) as error:
            raise Untrusted(f"the ID token is refused: {type(error).__name__} {getattr(error, 'claim', '')}") from None
        subject = given["sub"]
        if not (0 < len(subject) <= LONGEST_SUBJECT and subject.isascii() and subject.isprintable()):
            raise Untrusted("the subject of the ID token is none")
        return given

    async def _told(self, metadata: dict[str, Any], access: str, subject: str) -> dict[str, Any]:
        """What the provider tells of them besides (section 5.3), if it is of the same person (section 5.3.2)."""
        place = metadata.get("userinfo_endpoint")
        if place is None:
            return {}
        self._require_address(place, "userinfo_endpoint")
        told = await self._json("GET", place, {"Authorization": f"Bearer {access}"})
        if told.get("sub") != subject:
            raise Untrusted("the user information is of somebody else")
        return told

    async def _json(
        self, method: str, url: str, headers: dict[str, str] | None = None, content: bytes = b""
    ) -> dict[str, Any]:
        asked = {"Accept": "application/json", **(headers or {})}
        try:
            answer = await self._outbound.request(method, url, headers=asked, content=content)
            found = json.loads(answer.body) if answer.status == 200 else None
        except Unanswered as error:
            raise Untrusted(f"the provider did not answer: {error.reason}") from None
        except (ValueError, RecursionError):
            raise Untrusted("the provider did not answer with JSON") from None
        if not isinstance(found, dict):
            raise Untrusted(f"the provider answered {answer.status} or what is no JSON object")
        return found
