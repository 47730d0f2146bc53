"""Identifiers: a prefix that says what it names, and a UUIDv7 that sorts by the time it was made.

The suffix is the UUID in Crockford's base 32, 26 characters, as in TypeID 0.3.
"""

import hashlib
from datetime import datetime
from functools import lru_cache

from uuid_utils import uuid7

ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
HIGH, LOW = 10, 16
"""Characters of the moment (48 bits after two that are 0), and of all the rest."""
_PAIRS = [ALPHABET[high] + ALPHABET[low] for high in range(32) for low in range(32)]


def new(prefix: str) -> str:
    """A new id such as `cus_01kb0m5x…`: the prefix, an underscore and 26 characters."""
    return f"{prefix}_{encode(uuid7().int)}"


def seeded(prefix: str, moment: datetime, seed: str, number: int) -> str:
    """The id that a sandbox gives out under this number: a UUIDv7 of that moment whose other bits are not random.

    They are the number (42 bits, so that ids of one moment sort as they were made) and a hash of it and the seed.
    """
    told = hashlib.blake2b(f"{number} {seed}".encode(), digest_size=4).digest()
    high, low = divmod(number, 1 << 30)
    value = 7 << 76 | high << 64 | 2 << 62 | low << 32 | int.from_bytes(told)
    return f"{prefix}_{_front(moment)}{_encoded(value, LOW)}"


@lru_cache(maxsize=16)  # all that is made in one transaction was made at one moment
def _front(moment: datetime) -> str:
    return _encoded(int(moment.timestamp() * 1000), HIGH)


def encode(number: int) -> str:
    """128 bits as 26 characters, first the most significant."""
    return _encoded(number, HIGH + LOW)


def _encoded(number: int, characters: int) -> str:
    return "".join([_PAIRS[number >> shift & 1023] for shift in range(5 * characters - 10, -1, -10)])
