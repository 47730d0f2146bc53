"""Identifiers: a prefix that says what it names, and a UUIDv7 that sorts by the time it was made.

The suffix is the UUID in Crockford's base 32, 26 characters, as in TypeID 0.3.
"""

from uuid_utils import uuid7

ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_PAIRS = [ALPHABET[high] + ALPHABET[low] for high in range(32) for low in range(32)]


def new(prefix: str) -> str:
    """A new id such as `cus_01kb0m5x…`: the prefix, an underscore and 26 characters."""
    return f"{prefix}_{encode(uuid7().int)}"


def encode(number: int) -> str:
    """128 bits as 26 characters, first the most significant."""
    return "".join([_PAIRS[number >> shift & 1023] for shift in range(120, -1, -10)])
