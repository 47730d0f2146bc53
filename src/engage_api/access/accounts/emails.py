"""E-mail addresses: one spelling for what two of them have in common, and nothing that could break out of a header."""

import re
import unicodedata
from typing import NamedTuple

LONGEST = 254  # characters of an address (RFC 5321 section 4.5.3.1.3, without the brackets)
_LABEL = "[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
PATTERN = rf"^[A-Za-z0-9.!#$%&'*+/=?^_`{{|}}~-]{{1,64}}@{_LABEL}(?:\.{_LABEL})*$"
"""What HTML calls a valid address, within RFC 5321's lengths. Browsers write other scripts' domains in ASCII."""
_WRITTEN = re.compile(PATTERN)


class Email(NamedTuple):
    """An address as it was typed, and folded: equal for two spellings of one address."""

    typed: str
    folded: str

    @property
    def hint(self) -> str:
        """What may stay when the address goes: its first letter and its domain."""
        return f"{self.typed[0]}…{self.typed[self.typed.rindex('@') :]}"


def read(text: str) -> Email | None:
    """The address that was typed, or None when it is none that mail can be sent to.

    Compatibility forms (full width, ligatures) are brought to their plain ones first (NFKC), for the typed form too:
    what is stored, compared and written to is one and the same.
    """
    if len(text) > LONGEST:
        return None
    typed = unicodedata.normalize("NFKC", text).strip(" ")
    if len(typed) > LONGEST or not _WRITTEN.fullmatch(typed):
        return None
    return Email(typed, typed.lower())
