"""Signatures of deliveries as Standard Webhooks 1.0 has them, section "Verifying webhook authenticity".

What is signed is `<webhook-id>.<webhook-timestamp>.<body>`, to the byte. A symmetric signature is called `v1`
(HMAC-SHA-256 under a shared secret), an asymmetric one `v1a` (ed25519, RFC 8032: whoever checks it cannot make one).
During a rotation one delivery carries several, with a blank between: a receiver takes it when one of them is good.
"""

import hashlib
import hmac
from base64 import b64decode, b64encode
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from secrets import token_bytes
from typing import Literal

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

Kind = Literal["hmac", "ed25519"]
BYTES = 32  # of a secret, and of an ed25519 private key
SHORTEST, LONGEST = 24, 64  # bytes of a secret, as the standard has it
ID, TIMESTAMP, SIGNATURE = "webhook-id", "webhook-timestamp", "webhook-signature"


@dataclass(frozen=True, slots=True)
class Key:
    """What signs: the secret itself, or the private half of a pair (its 32 bytes). It never prints them."""

    kind: Kind
    value: bytes = field(repr=False)


def new_key(kind: Kind) -> Key:
    """A key of its own for each endpoint: one receiver cannot sign for another."""
    return Key(kind, token_bytes(BYTES))


def shown(key: Key) -> str:
    """What the receiver checks with: the secret `whsec_…`, to be shown once, or the public half `whpk_…`, no secret."""
    if key.kind == "hmac":
        return f"whsec_{_text(key.value)}"
    return f"whpk_{_text(_private(key).public_key().public_bytes_raw())}"


def read(text: str) -> Key:
    """The key that a secret `whsec_…` stands for.

    Raises:
        ValueError: it is none.
    """
    prefix, _, value = text.partition("_")
    raw = b64decode(value, validate=True)
    if prefix != "whsec" or not SHORTEST <= len(raw) <= LONGEST:
        raise ValueError("not a secret")
    return Key("hmac", raw)


def sign(keys: Sequence[Key], message_id: str, at: datetime, body: bytes) -> dict[str, str]:
    """The three headers of an attempt to deliver a message, signed with each of the keys, the newest first.

    Args:
        message_id: the same for every attempt: receivers know by it what they have had.
        at: when this attempt is made, by the host's clock; sent as whole seconds since 1970.

    Raises:
        ValueError: there is no key, or the id has a full stop, which is what stands between the signed parts.
    """
    if not keys or "." in message_id:
        raise ValueError("a delivery needs a key, and an id without a full stop")
    timestamp = str(int(at.timestamp()))
    signed = f"{message_id}.{timestamp}.".encode() + body
    return {ID: message_id, TIMESTAMP: timestamp, SIGNATURE: " ".join(_signature(key, signed) for key in keys)}


def _signature(key: Key, signed: bytes) -> str:
    if key.kind == "hmac":
        return f"v1,{_text(hmac.digest(key.value, signed, hashlib.sha256))}"
    return f"v1a,{_text(_private(key).sign(signed))}"


def _private(key: Key) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(key.value)


def _text(raw: bytes) -> str:
    return b64encode(raw).decode()
