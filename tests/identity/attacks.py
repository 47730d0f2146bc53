"""Tokens that nobody has issued: what is tried against programs that believe a signature (RFC 8725)."""

import base64
import hmac
import json
from typing import Any

from joserfc import jwe, jws
from joserfc.jwk import RSAKey

from tests.identity.forged import OTHER, segment

ALGORITHMS = ("none", "None", "NONE", "nOnE", "", "null", "HS256", "ES256", "PS256", "RS384")
KIDS: tuple[Any, ...] = (
    "",
    "../../../dev/null",
    "/proc/sys/kernel/randomize_va_space",
    "' OR 1=1 --",
    "x' UNION SELECT 'secret' --",
    "http://127.0.0.1:9/key",
    "| sleep 10",
    7,
    ["one"],
    None,
    "k" * 5_000,
)


def tokens(good: str, key: dict[str, Any], wide: str) -> dict[str, str]:
    """By what is wrong with each. `good` opens the API, `key` is what it was signed with, `wide` a scope it lacks."""
    head, body, signature = good.split(".")
    header, claims = (json.loads(base64.urlsafe_b64decode(part + "==")) for part in (head, body))
    ends = {"without a signature": "", "with the old one": signature}
    found = {
        f"alg {alg!r}, {told}": f"{segment(header | {'alg': alg})}.{body}.{end}"
        for alg in ALGORITHMS
        for told, end in ends.items()
    }
    found |= _shared(header, body, key)
    found |= {f"kid {kid!r:.40}": _signed(header | {"kid": kid}, claims) for kid in KIDS}
    found |= _with_keys(header, claims)
    found |= _with_headers(header, claims)
    found |= _altered(head, claims, signature, wide)
    found |= _spelt(good, head, body, signature)
    return found | _encrypted(claims, key)


def _signed(header: dict[str, Any], claims: Any) -> str:
    """With somebody else's key."""
    text = f"{segment(header)}.{segment(claims)}"
    registry = jws.JWSRegistry(strict_check_header=False)
    made = jws.serialize_compact({"alg": "RS256"}, text, OTHER, registry=registry)
    return f"{text}.{made.split('.')[2]}"


def _shared(header: dict[str, Any], body: str, key: dict[str, Any]) -> dict[str, str]:
    """The public key, in whatever form, as if it were a secret of two."""
    public = RSAKey.import_key(key)
    secrets = {
        "PEM": public.as_pem(private=False),
        "DER": public.as_der(private=False),
        "JWK": json.dumps(key).encode(),
        "modulus": base64.urlsafe_b64decode(key["n"] + "=="),
        "kid": key["kid"].encode(),
        "nothing": b"",
    }
    found = {}
    for number in ("256", "384", "512"):
        text = f"{segment(header | {'alg': f'HS{number}'})}.{body}"
        for name, secret in secrets.items():
            made = hmac.digest(secret, text.encode(), f"sha{number}")
            found[f"HS{number} with the public key as {name}"] = f"{text}.{segment(made)}"
    return found


def _with_keys(header: dict[str, Any], claims: Any) -> dict[str, str]:
    """The key to believe comes along, or the way to it."""
    own = OTHER.as_dict(private=False)
    ways: dict[str, Any] = {
        "jwk": own,
        "jku": "http://127.0.0.1:9/jwks",
        "x5u": "http://127.0.0.1:9/x",
        "x5c": ["MIIB"],
        "x5t": "AAAA",
    }
    return {f"its own {name}": _signed(header | {name: value}, claims) for name, value in ways.items()}


def _with_headers(header: dict[str, Any], claims: Any) -> dict[str, str]:
    more: dict[str, dict[str, Any]] = {
        "crit exp": {"crit": ["exp"], "exp": 1},
        "crit of nothing": {"crit": []},
        "crit as a text": {"crit": "b64"},
        "b64 is false": {"b64": False, "crit": ["b64"]},
        "zip": {"zip": "DEF"},
        "cty JWT": {"cty": "JWT"},
        "typ JWT": {"typ": "JWT"},
        "a huge header": {"x": "x" * 30_000},
        "a deep header": {"x": json.loads("[" * 500 + "]" * 500)},
    }
    return {told: _signed(header | given, claims) for told, given in more.items()}


def _altered(head: str, claims: dict[str, Any], signature: str, wide: str) -> dict[str, str]:
    """Other claims under the good signature, and under one of somebody else's."""
    changed: dict[str, dict[str, Any]] = {
        "scope": {"scope": wide},
        "sub": {"sub": "acc_somebody_else"},
        "aud": {"aud": "https://elsewhere.example"},
        "iss": {"iss": "https://evil.example"},
        "client_id": {"client_id": "app_operator.live"},
        "exp": {"exp": 9_999_999_999},
        "exp as a text": {"exp": "9999999999"},
        "exp as a word": {"exp": "never"},
        "no exp": {"exp": None},
    }
    found = {f"another {name}": f"{head}.{segment(claims | given)}.{signature}" for name, given in changed.items()}
    for name, value in (("1e400", "1e400"), ("NaN", "NaN"), ("a list", "[1]"), ("negative", "-1")):
        raw = json.dumps(claims | {"exp": "HERE"}).replace('"HERE"', value).encode()
        found[f"exp {name}"] = f"{head}.{segment(raw)}.{signature}"
    return found


def _spelt(good: str, head: str, body: str, signature: str) -> dict[str, str]:
    """The good token, written a little differently: bytes that decode to the same, and bytes that do not."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    last = alphabet[alphabet.index(signature[-1]) ^ 1]  # the bits at the end say nothing
    return {
        "the last bits of the signature": f"{head}.{body}.{signature[:-1]}{last}",
        "a padded signature": f"{good}==",
        "another alphabet": f"{head}.{body}.{'+' + signature[1:]}",
        "half a signature": good[:-171],
        "a longer signature": f"{good}AAAA",
        "a signature of nothing": f"{head}.{body}.{'A' * 342}",
        "no signature": f"{head}.{body}",
        "no payload": f"{head}..{signature}",
        "one part more": f"{good}.{signature}",
        "a dot more": f"{good}.",
        "a dot first": f".{good}",
        "a blank within": f"{head}. {body}.{signature}",
        "halves exchanged": f"{body}.{head}.{signature}",
        "other letters": good.swapcase(),
        "as JSON": json.dumps({"protected": head, "payload": body, "signature": signature}),
        "its hash alone": segment(hmac.digest(b"", good.encode(), "sha256")),
    }


def _encrypted(claims: Any, key: dict[str, Any]) -> dict[str, str]:
    raw, public = json.dumps(claims).encode(), RSAKey.import_key(key | {"use": "enc", "alg": "RSA-OAEP"})
    made = jwe.encrypt_compact({"alg": "RSA-OAEP", "enc": "A256GCM"}, raw, public)
    return {"encrypted for us": made, "encrypted, and three parts of it": ".".join(made.split(".")[:3])}
