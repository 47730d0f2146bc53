"""Redirect URIs: which ones an application may have, and whether one that is asked for is among them.

RFC 9700 section 4.1.3: compared as text, whole. The one exception is the port of a loopback address, which a program on
somebody's own machine learns only when it listens (RFC 8252 section 7.3).
"""

import re
from collections.abc import Iterable
from urllib.parse import unquote

LONGEST = 500  # characters

_UNIT = r"[A-Za-z0-9_~!$&'()+,;=:-]|%(?:[346-9A-Fa-f][0-9A-Fa-f]|2[0-9A-Da-dFf]|5[0-9ABD-Fabd-f])"
_PATH = rf"/(?:\.?(?:{_UNIT}|/))*\.?"
_QUERY = rf"(?:\?(?:\.?(?:{_UNIT}|[/?]))*\.?)?"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_PORT = r"(?::[1-9][0-9]{0,4})?"
_LOOPBACK = r"http://(?:127\.0\.0\.1|\[::1\]|localhost)"
PATTERN = (
    rf"^(?:(?:https://(?:{_LABEL}\.)*{_LABEL}|{_LOOPBACK}){_PORT}(?:{_PATH})?"
    rf"|[a-z][a-z0-9+-]*(?:\.[a-z0-9+-]+)+:{_PATH}){_QUERY}$"
)
"""What a redirect URI looks like, for programs; `fault` says it in words."""
_WHOLE = re.compile(PATTERN)
_LOCAL = re.compile(rf"(?P<host>{_LOOPBACK}){_PORT}(?P<rest>(?:[/?].*)?)")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):")
_PLAIN = re.compile(r"[\x21-\x7e]*")
_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
ANSWERS = frozenset({"code", "state", "iss", "error", "error_description", "error_uri"})
"""Parameters that the answer itself has: in the URI they would be there twice."""


def fault(uri: str) -> str | None:
    """Why this can be no redirect URI, or None when it can."""
    scheme = _SCHEME.match(uri)
    for wrong, told in (
        (not _PLAIN.fullmatch(uri), "Write it in ASCII, without blanks and control characters; escape others."),
        ("\\" in uri, "A backslash has no place in it: browsers read it as a slash."),
        ("#" in uri, "It has no fragment (RFC 6749 section 3.1.2): leave out what begins with '#'."),
        ("@" in uri, "It has no user information: leave out the '@' and what stands before it."),
        ("*" in uri, "There are no wildcards: it is compared as it stands. Register each one."),
        (scheme is None, "Write the whole address, with its scheme: https://…"),
        (".." in _decoded(uri), "It leads through '..': write where it ends up."),
        (bool(_ESCAPE.search(uri)), "There is half an escape in it: a percent sign and two digits, or %25."),
        (_has_answers(uri), "Parameters such as 'code' and 'state' are those of the answer: call yours otherwise."),
    ):
        if wrong:
            return told
    if _WHOLE.fullmatch(uri):
        return None
    return _by_scheme(scheme[1] if scheme else "")


def is_registered(uri: str, registered: Iterable[str]) -> bool:
    """Whether an application that registered these may be led back to this one."""
    known = list(registered)
    if uri in known:
        return True
    asked = _local(uri)
    return asked is not None and asked in [_local(one) for one in known]


def _local(uri: str) -> tuple[str, str] | None:
    """A loopback URI without its port."""
    found = _LOCAL.fullmatch(uri) if _WHOLE.fullmatch(uri) else None
    return (found["host"], found["rest"]) if found else None


def _by_scheme(scheme: str) -> str:
    if scheme == "http":
        return "Plain http is for a program on one's own machine: http://127.0.0.1, http://[::1] or http://localhost."
    if scheme == "https":
        return "It is no web address: https://, the name of a host, perhaps a port, and a path."
    if "." in scheme:
        return "After a scheme of your own and its colon comes a path: com.example.app:/signed-in. Small letters only."
    return "Use https, or for an installed app a scheme of your own with a dot: com.example.app:/signed-in."


def _has_answers(uri: str) -> bool:
    pairs = uri.partition("?")[2].split("&")
    return any(unquote(pair.partition("=")[0]) in ANSWERS for pair in pairs)


def _decoded(uri: str) -> str:
    return re.sub("%2e", ".", uri, flags=re.IGNORECASE)
