"""Cursors: where a list goes on, signed so that nobody can make one up (NL ADR: keyset paging).

A cursor holds the sort value and the id of the last row, and a signature over these, the workspace and the query. It
opens in no other workspace, with no other filter and no other sort order.
"""

import hashlib
import hmac
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as NotBase64
from datetime import datetime

from pydantic_core import to_json

from engage_api.core import clock
from engage_api.core.problem import Fault, InvalidCursor

SIGNATURE = 16  # bytes
LONGEST = 1_000  # characters

Place = tuple[datetime | str, str]


class Cursors:
    """Makes and opens cursors with one key."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def make(self, place: Place, context: str) -> str:
        """A cursor after this place. `context` names everything else that decides the list: workspace, query, sort."""
        value, row_id = place
        told = ("t", clock.wire(value)) if isinstance(value, datetime) else ("s", value)
        payload = to_json([*told, row_id])
        return urlsafe_b64encode(self._sign(payload, context) + payload).decode().rstrip("=")

    def open(self, cursor: str, context: str) -> Place:
        """The place of a cursor that was made in the same context.

        Raises:
            InvalidCursor: it was not.
        """
        try:
            raw = urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4))
        except (NotBase64, UnicodeEncodeError):
            raise _refused() from None
        signature, payload = raw[:SIGNATURE], raw[SIGNATURE:]
        if not hmac.compare_digest(signature, self._sign(payload, context)) or _text(raw) != cursor:
            raise _refused()
        kind, value, row_id = json.loads(payload)
        return (datetime.fromisoformat(value) if kind == "t" else value), row_id

    def _sign(self, payload: bytes, context: str) -> bytes:
        told = context.encode() + b"\0" + payload
        return hashlib.blake2b(told, digest_size=SIGNATURE, key=self._key, person=b"cursor").digest()


def _text(raw: bytes) -> str:
    return urlsafe_b64encode(raw).decode().rstrip("=")


def _refused() -> InvalidCursor:
    return InvalidCursor(errors=[Fault("invalid-cursor", "Start again without a cursor.", parameter="cursor")])
