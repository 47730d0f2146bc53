"""Looks for secrets in what a test leaves behind: the whole suite is the run that is searched.

What opens a door says so by its form, so nobody has to remember which secrets there were: keys, tokens, codes and
client secrets (with their checksum), secrets of webhooks, signed access tokens, private keys, the passwords of tests.
"""

import re
from pathlib import Path

from engage_api.core import secret
from tests.api.kept import everything
from tests.passwords import ANOTHER, PASSWORD

_OURS = re.compile(secret.PATTERN.encode())
_PRINTED = re.compile(
    rb'^curl -s -H "Authorization: Bearer eng_test_key_\w+" http://127\.0\.0\.1:\d+/v1/customers$', re.MULTILINE
)
_OTHERS = {
    "a secret of a webhook": re.compile(rb"wh(?:sec|sk)_[A-Za-z0-9+/]{24,}"),
    "a signed access token": re.compile(secret.SIGNED.pattern.encode()),
    "a private key": re.compile(rb"-----BEGIN [A-Z ]*PRIVATE KEY|\"d\": ?\"[A-Za-z0-9_-]{40,}"),
    "a password": re.compile(f"{re.escape(PASSWORD)}|{re.escape(ANOTHER)}".encode()),
}


def found(data: bytes) -> list[str]:
    """What lies there in clear: of each secret its kind, and enough of its beginning to find out whose it is."""
    ours = [form[0] for form in _OURS.finditer(data) if secret.kind(form[0].decode()) is not None]
    others = [f"{name}: {form[0][:14].decode()}…" for name, look in _OTHERS.items() for form in look.finditer(data)]
    return [f"{text[:20].decode()}…" for text in ours] + others


def require_none(data: bytes, where: str) -> None:
    """Fail when there is one; but for the key that a start in development prints, in a line that is a command."""
    told = found(_PRINTED.sub(b"", data))
    assert not told, f"in clear in {where}: {', '.join(sorted(set(told))[:5])}"


async def search(url: str) -> int:
    """Fail when this database keeps one: of SQLite in its files, so also in what is no row any more. Returns bytes."""
    data = await everything(url)
    require_none(data, "the database")
    return len(data)


def search_files(url: str) -> None:
    """The same of SQLite alone, at once."""
    path = Path(url.removeprefix("sqlite:///"))
    for file in path.parent.glob(f"{path.name}*"):
        require_none(file.read_bytes(), file.name)
