"""ID tokens that a provider, or somebody in its place, could send, and that say who somebody is all the same."""

import base64
import hmac
import json
from collections.abc import Callable
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from joserfc import jwe, jws
from joserfc.jwk import OctKey, RSAKey

from tests.identity.provider import CLIENT, SECRET, Provider

Forge = Callable[[Provider, dict[str, Any]], str]
OTHER = RSAKey.generate_key(2048, {"kid": "one"})


def segment(value: Any) -> str:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def signed(provider: Provider, claims: dict[str, Any], key: Any = None, **header: Any) -> str:
    given = {"alg": "RS256", "kid": "one"} | header
    return jws.serialize_compact(
        {name: value for name, value in given.items() if value is not None},
        json.dumps(claims).encode(),
        key or provider.key,
        registry=jws.JWSRegistry(strict_check_header=False),
    )


def public(provider: Provider) -> bytes:
    return provider.key.as_pem(private=False)


def none(alg: str) -> Forge:
    return lambda _, claims: f"{segment({'alg': alg, 'kid': 'one'})}.{segment(claims)}."


def shared(secret: Callable[[Provider], bytes]) -> Forge:
    """Signed with something that others know, as if it were a secret of two."""

    def forge(provider: Provider, claims: dict[str, Any]) -> str:
        text = f"{segment({'alg': 'HS256', 'kid': 'one'})}.{segment(claims)}"
        return f"{text}.{segment(hmac.digest(secret(provider), text.encode(), 'sha256'))}"

    return forge


def headed(key: Any = None, **header: Any) -> Forge:
    return lambda provider, claims: signed(provider, claims, key, **header)


def with_key(provider: Provider, claims: dict[str, Any]) -> str:
    """The key to verify it with comes along."""
    return signed(provider, claims, OTHER, kid=None, jwk=OTHER.as_dict(private=False))


def well(**header: Any) -> Forge:
    """Well signed, under a header like this."""
    return lambda provider, claims: reheaded(provider, claims, {"alg": "RS256", "kid": "one"} | header)


def reheaded(provider: Provider, claims: dict[str, Any], header: dict[str, Any]) -> str:
    """A signature that is right, over a header that a library would not write."""
    text = f"{segment(header)}.{segment(claims)}"
    digest = hashes.SHA512() if header["alg"] == "RS512" else hashes.SHA256()
    private: Any = provider.key.private_key
    return f"{text}.{segment(private.sign(text.encode(), PKCS1v15(), digest))}"


def altered(provider: Provider, claims: dict[str, Any]) -> str:
    """Signed, and then about somebody else."""
    head, _, signature = signed(provider, claims).split(".")
    return f"{head}.{segment(claims | {'sub': 'somebody else'})}.{signature}"


def cut(provider: Provider, claims: dict[str, Any]) -> str:
    return signed(provider, claims)[:-2]


def encrypted(provider: Provider, claims: dict[str, Any]) -> str:
    box = OctKey.generate_key(256)
    return jwe.encrypt_compact({"alg": "dir", "enc": "A256GCM"}, json.dumps(claims).encode(), box)


def claiming(**changed: Any) -> Forge:
    """Well signed, with other claims; None leaves one out."""

    def forge(provider: Provider, claims: dict[str, Any]) -> str:
        return signed(provider, {name: value for name, value in (claims | changed).items() if value is not None})

    return forge


def raw(name: str, value: str) -> Forge:
    """A claim with a value that Python would not write."""

    def forge(provider: Provider, claims: dict[str, Any]) -> str:
        text = json.dumps(claims | {name: "HERE"}).replace('"HERE"', value)
        return jws.serialize_compact({"alg": "RS256", "kid": "one"}, text, provider.key)

    return forge


def not_claims(provider: Provider, claims: dict[str, Any]) -> str:
    return jws.serialize_compact({"alg": "RS256", "kid": "one"}, json.dumps([claims]), provider.key)


FORGED: dict[str, Forge] = {
    "alg none": none("none"),
    "alg NONE": none("NONE"),
    "alg of nothing": none(""),
    "HS256 with their public key": shared(public),
    "HS256 with our secret": shared(lambda _: SECRET.encode()),
    "an algorithm that is not on the list": well(alg="RS512"),
    "a key that we do not know": headed(kid="unknown"),
    "somebody else's key under the same id": headed(OTHER),
    "an id that is a path": headed(OTHER, kid="../../dev/null"),
    "no id, and somebody else's key": headed(OTHER, kid=None),
    "its own key in the header": with_key,
    "its own key at an address": headed(OTHER, kid="far", jku="http://127.0.0.1:9/keys"),
    "a certificate at an address": headed(OTHER, kid="far", x5u="http://127.0.0.1:9/x"),
    "a critical extension": well(crit=["exp"], exp=1),
    "b64 is false": well(b64=False, crit=["b64"]),
    "altered after it was signed": altered,
    "half a signature": cut,
    "encrypted": encrypted,
    "another kind of token": headed(typ="at+jwt"),
    "no kind that is one": well(typ=7),
    "claims that are none": not_claims,
    "no token": lambda _, __: "nothing",
    "too long": lambda provider, claims: signed(provider, claims | {"x": "x" * 20_000}),
    "another issuer": claiming(iss="https://evil.example"),
    "the issuer with a slash": lambda provider, claims: signed(provider, claims | {"iss": claims["iss"] + "/"}),
    "no issuer": claiming(iss=None),
    "for another client": claiming(aud="another"),
    "for us and another, made for nobody": claiming(aud=[CLIENT, "another"]),
    "made for another": claiming(azp="another"),
    "for nobody": claiming(aud=None),
    "an audience that is none": claiming(aud={"a": CLIENT}),
    "another nonce": claiming(nonce="another"),
    "no nonce": claiming(nonce=None),
    "expired": lambda provider, claims: signed(provider, claims | {"exp": claims["iat"] - 61}),
    "never expires": claiming(exp=None),
    "expires in words": claiming(exp="2099-01-01"),
    "expires as a text": lambda provider, claims: signed(provider, claims | {"exp": str(claims["exp"])}),
    "expires beyond numbers": raw("exp", "1e400"),
    "expires when there is no number": raw("exp", "NaN"),
    "made tomorrow": lambda provider, claims: signed(provider, claims | {"iat": claims["iat"] + 86_400}),
    "not yet": lambda provider, claims: signed(provider, claims | {"nbf": claims["iat"] + 86_400}),
    "about nobody": claiming(sub=None),
    "about an empty subject": claiming(sub=""),
    "about a number": claiming(sub=7),
    "about a subject in another script": claiming(sub="d\u0430"),
    "about a subject that is too long": claiming(sub="s" * 256),
    "with another access token": claiming(at_hash="AAAAAAAAAAAAAAAAAAAAAA"),
}
"""What must not be believed, by what is wrong with it."""
