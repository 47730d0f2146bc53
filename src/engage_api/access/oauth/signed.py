"""What is signed: access tokens that others can check (RFC 9068), and ID tokens (OpenID Connect Core section 2).

Our own API believes no signature: it knows every access token that it has issued. So one that is revoked opens nothing
any more, and one that somebody made up never has.
"""

from base64 import urlsafe_b64encode
from collections.abc import Collection
from hashlib import sha256
from typing import Any, NamedTuple

from engage_api.access.accounts import store as accounts
from engage_api.access.oauth.clients import Client
from engage_api.access.oauth.signing import Keyring, Signer
from engage_api.access.oauth.store import Allowed
from engage_api.access.oauth.tokens import LIFETIME
from engage_api.core import clock, ids
from engage_api.db.engine import Database
from engage_api.http.call import Services

ACCESS, ID = "at+jwt", "JWT"  # what a token says that it is
JWT = "jwt"  # the format of access tokens that is signed
OPENID = "openid"


class Person(NamedTuple):
    """Of whom something is told. `verified`: they have shown that they read the mails of the address."""

    id: str
    name: str
    email: str
    verified: bool

    def claims(self, scope: Collection[str]) -> dict[str, Any]:
        """What these scopes let somebody know of them (section 5.4)."""
        told: dict[str, Any] = {"sub": self.id}
        if "profile" in scope:
            told["name"] = self.name
        if "email" in scope:
            told |= {"email": self.email, "email_verified": self.verified}
        return told


class Signing(NamedTuple):
    """What is needed to sign for one client; `person` is whom an ID token is about, if there is to be one."""

    signer: Signer
    issuer: str
    client: Client
    person: Person | None

    def access_token(self, subject: str, audience: str, scope: str) -> str:
        """An access token of the client's; `subject` is the account that it acts for, or its application."""
        claims = {"sub": subject, "aud": audience, "client_id": self.client.id, "scope": scope, "jti": ids.new("jti")}
        return self.signer.sign(ACCESS, self._common() | claims)

    def id_token(self, allowed: Allowed, scope: str, access: str, *, nonce: str | None) -> str | None:
        """Who has signed in, for the client that got this access token; None unless it has asked for that."""
        words = scope.split(" ")
        if self.person is None or OPENID not in words:
            return None
        half = sha256(access.encode()).digest()[:16]  # section 3.1.3.6
        own = {
            "aud": self.client.id,
            "azp": self.client.id,
            "auth_time": int(allowed.signed_in_at.timestamp()),
            "at_hash": urlsafe_b64encode(half).rstrip(b"=").decode(),
        }
        once = {"nonce": nonce} if nonce else {}
        return self.signer.sign(ID, self._common() | self.person.claims(words) | own | once)

    def _common(self) -> dict[str, Any]:
        now = int(clock.host().timestamp())
        return {"iss": self.issuer, "iat": now, "exp": now + int(LIFETIME.total_seconds())}


async def prepared(services: Services, client: Client, allowed: Allowed | None) -> Signing | None:
    """What is needed to sign what this client may get; None when nothing of it is signed."""
    opened = allowed is not None and OPENID in allowed.scope.split(" ")
    if not opened and client.access_token_format != JWT:
        return None
    ring: Keyring = services.signing
    who = await person(services.db, allowed.account) if allowed and opened else None
    return Signing(await ring.signer(), services.base_url, client, who)


async def person(db: Database, account: str) -> Person | None:
    """Whose account this is, unless it is gone or disabled."""
    row = await accounts.by_id(db, account)
    if row is None or row.disabled_at is not None:
        return None
    return Person(row.id, row.name, row.email, row.confirmed_at is not None)
