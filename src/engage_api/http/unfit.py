"""Requests that can be served to nobody, whoever asks."""

from urllib.parse import parse_qsl

from starlette.types import Scope

from engage_api.core.problem import BodyTooLarge, Fault, InvalidRequest, NotFound, Problem

LONGEST_LENGTH = 20  # characters of a Content-Length
LONGEST_NAME, MOST_NAMES = 64, 100  # of the parameters that are named


def unfit(scope: Scope, largest: int) -> Problem | None:
    """What is wrong with a request; `largest` is the size of a body. `refusal` is what the protocol has found."""
    if "refusal" in scope:
        found: Problem = scope["refusal"]
        return found
    if b"%00" in scope.get("raw_path", b"") or (scope["path"][:1] != "/" and not is_about_all(scope)):
        return NotFound()
    if b"%00" in scope["query_string"]:
        return _holds_nul(scope["query_string"])
    if _length(scope) > largest:  # said beforehand; a body that turns out to be is stopped where it is read
        return BodyTooLarge()
    return None


def is_about_all(scope: Scope) -> bool:
    """Whether the whole server is asked for its methods (RFC 9110 section 9.3.7)."""
    return bool(scope["path"] == "*" and scope["method"] == "OPTIONS")


def header(scope: Scope, name: bytes) -> str | None:
    """The first header of this name."""
    for key, value in scope["headers"]:
        if key == name:
            return str(value, "latin-1")
    return None


def _holds_nul(query: bytes) -> InvalidRequest:
    pairs = parse_qsl(query.decode("latin-1"), keep_blank_values=True)
    names = {name.replace("\0", "\ufffd")[:LONGEST_NAME] for name, value in pairs if "\0" in name + value}
    faults = [Fault("nul", "It holds U+0000.", parameter=name) for name in sorted(names)[:MOST_NAMES]]
    return InvalidRequest(errors=faults)


def _length(scope: Scope) -> int:
    """Of the body, as far as the caller says."""
    said = header(scope, b"content-length") or ""
    return int(said) if len(said) < LONGEST_LENGTH and said.isdecimal() else 0
