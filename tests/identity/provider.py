"""An OpenID provider on this machine, and whatever it may do wrong."""

import asyncio
import base64
import hashlib
import json
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, parse_qsl, unquote, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey

from engage_api.core import clock

CLIENT, SECRET = "engage at the provider", "a secret: with/odd+letters"
BACK = "/account/outside/callback"
KEY = RSAKey.generate_key(2048, {"kid": "one", "use": "sig"})


@dataclass
class Provider:
    """Signs in whoever comes, as the person `claims` says. The fields after `key` are what a test changes."""

    issuer: str = ""
    key: RSAKey = field(default_factory=lambda: KEY)
    claims: dict[str, Any] = field(default_factory=dict)
    header: dict[str, Any] = field(default_factory=dict)
    metadata: dict[str, Any] = field(default_factory=dict)
    userinfo: dict[str, Any] | None = None
    keys: dict[str, Any] | None = None
    made: Callable[["Provider", dict[str, Any]], str] | None = None
    token: bytes | None = None
    more: dict[str, Any] = field(default_factory=dict)
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)

    def reset(self, **claims: Any) -> None:
        """Well-behaved again, with somebody new."""
        self.claims = {"sub": f"s-{secrets.token_hex(8)}", "name": "Ada Lovelace"} | claims
        self.header, self.metadata, self.more = {}, {}, {}
        self.userinfo = self.keys = self.made = self.token = None

    def answer(self, address: str, **more: str | None) -> str:
        """Somebody has signed in there: the path that they come back to."""
        place, query = address.partition("?")[::2]
        asked = {name: values[0] for name, values in parse_qs(query, strict_parsing=True).items()}
        assert place == f"{self.issuer}/authorize"
        assert (asked["response_type"], asked["client_id"]) == ("code", CLIENT)
        assert (asked["scope"], asked["code_challenge_method"]) == ("openid email profile", "S256")
        assert asked["redirect_uri"].endswith(BACK)
        code = secrets.token_urlsafe(16)
        self.codes[code] = asked
        given = {"code": code, "state": asked["state"], "iss": self.issuer} | more
        return f"{BACK}?{urlencode({name: value for name, value in given.items() if value is not None})}"

    def standard(self, nonce: str) -> dict[str, Any]:
        now = int(clock.host().timestamp())
        own = {"iss": self.issuer, "aud": CLIENT, "iat": now, "exp": now + 300, "nonce": nonce}
        return {name: value for name, value in (own | self.claims).items() if value is not None}

    def id_token(self, nonce: str) -> str:
        claims = self.standard(nonce)
        if self.made:
            return self.made(self, claims)
        return jwt.encode({"alg": "RS256", "kid": "one"} | self.header, claims, self.key, ["RS256"])

    def respond(self, method: str, path: str, headers: dict[str, str], body: bytes) -> bytes:
        self.asked.append(f"{method} {path}")
        if path == "/.well-known/openid-configuration":
            return page(self._metadata())
        if path == "/keys":
            return page(KeySet([self.key]).as_dict() if self.keys is None else self.keys)
        if path == "/userinfo":
            assert headers["authorization"] == "Bearer opaque"
            return page({"sub": self.claims.get("sub")} if self.userinfo is None else self.userinfo)
        assert (method, path) == ("POST", "/token")
        return self.token if self.token is not None else page(self._tokens(headers, dict(parse_qsl(body.decode()))))

    def _metadata(self) -> dict[str, Any]:
        places = {"authorization_endpoint": "authorize", "token_endpoint": "token", "jwks_uri": "keys"}
        own = {name: f"{self.issuer}/{place}" for name, place in places.items()}
        own |= {"userinfo_endpoint": f"{self.issuer}/userinfo", "issuer": self.issuer}
        return {name: value for name, value in (own | self.metadata).items() if value is not None}

    def _tokens(self, headers: dict[str, str], form: dict[str, str]) -> dict[str, Any]:
        if "client_secret" in form:
            assert (form["client_id"], form["client_secret"]) == (CLIENT, SECRET)
        else:
            shown = base64.b64decode(headers["authorization"].removeprefix("Basic ")).decode().split(":")
            assert [unquote(half) for half in shown] == [CLIENT, SECRET]
        asked = self.codes.pop(form["code"], {})
        digest = base64.urlsafe_b64encode(hashlib.sha256(form["code_verifier"].encode()).digest())
        assert digest.rstrip(b"=").decode() == asked["code_challenge"]
        assert form["redirect_uri"] == asked["redirect_uri"]
        tokens = {"access_token": "opaque", "token_type": "Bearer", "id_token": self.id_token(asked["nonce"])}
        return {name: value for name, value in (tokens | self.more).items() if value is not None}


def page(body: Any, status: str = "200 OK") -> bytes:
    """An answer in HTTP."""
    text = body if isinstance(body, bytes) else json.dumps(body).encode()
    head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(text)}\r\n\r\n"
    return head.encode() + text


@asynccontextmanager
async def providing() -> AsyncIterator[Provider]:
    """The provider, until the block is left."""
    provider = Provider()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        method, target, _ = head[0].split(" ")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:] if line)}
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        try:
            writer.write(provider.respond(method, urlsplit(target).path, headers, body))
        except Exception as error:  # noqa: BLE001  # whatever it is, the test fails
            provider.failed.append(repr(error))
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    provider.issuer = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    provider.reset()
    yield provider
    server.close()
    await server.wait_closed()
    assert provider.failed == []
