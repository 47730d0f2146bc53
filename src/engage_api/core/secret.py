"""Secrets that people hold: their form, their fingerprint, and a wrapper that never prints them.

Form: `eng_<live or test>_<kind>_<30 base62><6 base62 checksum>`. The checksum is CRC-32 of all that stands before it,
so a mistyped key is refused without asking the database and scanners find leaked ones with few false alarms.
"""

import hashlib
import hmac
import re
import secrets
from typing import Literal
from zlib import crc32

BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
PATTERN = r"eng_(live|test)_([a-z]{2,8})_([0-9A-Za-z]{36})"
"""The public form, for secret scanners. Document it, never change it."""
_FORM = re.compile(PATTERN)
SIGNED = re.compile(r"(?<![\w-])eyJ[A-Za-z0-9_-]{20,200}+\.eyJ[A-Za-z0-9_-]{50,4000}+\.[A-Za-z0-9_-]{342}")
"""What an access token looks like that others can check (RFC 9068): signed with a key of 2048 bits."""
TOKEN = "token"  # noqa: S105  # the kind of access tokens
RANDOM, CHECK = 30, 6

Environment = Literal["live", "test"]


class Secret:
    """Text that shows itself only when asked by name."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The secret itself, for the one answer that shows it."""
        return self._text

    @property
    def hint(self) -> str:
        """What may always be shown: what it is for and its last four characters."""
        return f"{self._text[: self._text.rindex('_') + 1]}…{self._text[-4:]}"

    def __repr__(self) -> str:
        return "***"


def make(environment: Environment, kind: str) -> Secret:
    """A new secret with 178 bits of chance."""
    body = f"eng_{environment}_{kind}_" + "".join(secrets.choice(BASE62) for _ in range(RANDOM))
    return Secret(body + _checksum(body))


def follow(key: bytes, text: str) -> Secret:
    """The secret that comes after this one, the same whenever it is asked for: an HMAC under `key` in its form.

    Raises:
        ValueError: the text has not the form of a secret.
    """
    form = _FORM.fullmatch(text)
    if form is None:
        raise ValueError("no secret")
    number = int.from_bytes(hmac.digest(key, text.encode(), hashlib.sha256))
    body = f"eng_{form[1]}_{form[2]}_" + _base62(number, RANDOM)
    return Secret(body + _checksum(body))


def kind(text: str) -> str | None:
    """What a secret says that it is: `key`, `token`, `secret`; not whether it was ever issued. None when its form or
    its checksum is wrong.
    """
    if SIGNED.fullmatch(text):
        return TOKEN
    form = _FORM.fullmatch(text)
    if form is None or not hmac.compare_digest(_checksum(text[:-CHECK]).encode(), text[-CHECK:].encode()):
        return None
    return form[2]


def fingerprint(pepper: bytes, text: str) -> bytes:
    """HMAC-SHA-256, 32 bytes: all that is ever stored of a secret."""
    return hmac.digest(pepper, text.encode(), hashlib.sha256)


def masked(text: str) -> str:
    """The text with stars in the place of whatever has the form of a secret."""
    if "eng_" in text:
        text = _FORM.sub("***", text)
    return SIGNED.sub("***", text) if "eyJ" in text else text


def derive(secret: bytes, purpose: str) -> bytes:
    """A key of 32 bytes for one purpose, from the service's secret (the expand step of RFC 5869)."""
    return hmac.digest(secret, purpose.encode() + b"\x01", hashlib.sha256)


def _checksum(body: str) -> str:
    return _base62(crc32(body.encode()), CHECK)


def _base62(number: int, digits: int) -> str:
    """The lowest digits of a number."""
    text = ""
    for _ in range(digits):
        number, digit = divmod(number, 62)
        text = BASE62[digit] + text
    return text
