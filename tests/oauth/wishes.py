"""What must be refused at `/oauth/authorize`: on a page when nobody may be led anywhere, else to the application
(RFC 6749 section 4.1.2.1, RFC 7636, RFC 8707, RFC 9700, OpenID Connect Core section 3.1.2.6).
"""

from collections.abc import Iterator
from typing import NamedTuple
from urllib.parse import urlencode

from tests.api.test_redirect_uris import OTHERS
from tests.oauth.programs import BACK, Program

REGISTERED = (
    "https://app.example.org/signed-in",
    "https://app.example.org/with?query=1",
    "http://127.0.0.1/cb",
    "http://[::1]:4000/cb?x=1",
    "http://localhost",
    "com.example.app:/signed-in",
)


class Wrong(NamedTuple):
    """A query that must be refused, and with which error; None: on a page."""

    name: str
    query: str
    error: str | None = None
    state: str | None = "af0ifjsldkj"


def cases(program: Program, other: Program) -> Iterator[Wrong]:
    """All of them."""
    yield from _nobody(program, other)
    yield from _elsewhere(program)
    yield from _answers(program)
    yield from _codes(program)
    yield from _twice(program)


def _nobody(program: Program, other: Program) -> Iterator[Wrong]:
    clients: dict[str, str | None] = {
        "nobody": None,
        "an empty client": "",
        "a client that was never made": "app_01kb0m5xnye0rt2e5v3h4q8zj9.test",
        "an application's own id": program.application,
        "another case": program.who.id.upper(),
        "a blank behind": program.who.id + " ",
        "another environment": f"{program.application}.prod",
        "a statement": f"{program.application}' OR '1'='1",
        "letters beyond ASCII": "äpp_é.test",
        "another client with this redirect URI of ours": other.who.id,
    }
    for name, client in clients.items():
        yield Wrong(f"client: {name}", urlencode(program.asks(client_id=client)))
    for raw, name in (("a=%00", "U+0000"), ("a=%ff", "no UTF-8"), ("a=%", "half an escape"), ("", "nothing")):
        yield Wrong(f"query: {name}", raw)
    yield Wrong("query: too many", "&".join(f"a{n}=1" for n in range(60)))


def _elsewhere(program: Program) -> Iterator[Wrong]:
    for uri in OTHERS:
        yield Wrong(f"redirect URI: {uri!r}", urlencode(program.asks(redirect_uri=uri)))
    evil = "https://evil.example/"
    yield Wrong("redirect URI: none", urlencode(program.asks(redirect_uri=None)))
    for name, value in (("response_type", "token"), ("scope", "everything"), ("prompt", "none"), ("resource", "x")):
        wrong = program.asks(redirect_uri=evil, **{name: value})
        yield Wrong(f"redirect URI: elsewhere with a wrong {name}", urlencode(wrong))
    for twice in (f"redirect_uri={evil}", f"client_id={program.who.id}", f"redirect_uri={BACK}"):
        yield Wrong(f"twice: {twice}", f"{urlencode(program.asks())}&{twice}")
        yield Wrong(f"twice, first: {twice}", f"{twice}&{urlencode(program.asks())}")


def _answers(program: Program) -> Iterator[Wrong]:
    """What the application hears of."""
    wrong: dict[str, tuple[dict[str, str | None], str]] = {
        "no response type": ({"response_type": None}, "invalid_request"),
        "the implicit grant": ({"response_type": "token"}, "unsupported_response_type"),
        "an ID token at once": ({"response_type": "id_token"}, "unsupported_response_type"),
        "both at once": ({"response_type": "code token"}, "unsupported_response_type"),
        "none": ({"response_type": "none"}, "unsupported_response_type"),
        "another case": ({"response_type": "CODE"}, "unsupported_response_type"),
        "a scope that it has not": ({"scope": "offers:write"}, "invalid_scope"),
        "a scope that nobody has": ({"scope": "everything"}, "invalid_scope"),
        "a scope of operators": ({"scope": "customers:read admin:organizations"}, "invalid_scope"),
        "two blanks": ({"scope": "customers:read  cases:read"}, "invalid_scope"),
        "another resource": ({"resource": "https://elsewhere.example"}, "invalid_target"),
        "somebody's sandbox": ({"resource": "http://engage.test/v1/sandboxes/sbx_other"}, "invalid_target"),
        "a prompt that nobody knows": ({"prompt": "maybe"}, "invalid_request"),
        "none beside another": ({"prompt": "none login"}, "invalid_request"),
        "an age that is no number": ({"max_age": "soon"}, "invalid_request"),
        "an age below nothing": ({"max_age": "-1"}, "invalid_request"),
        "an age of other digits": ({"max_age": "٣"}, "invalid_request"),
        "an age without end": ({"max_age": "9" * 40}, "invalid_request"),
        "a request object": ({"request": "e30.e30."}, "request_not_supported"),
        "a request elsewhere": ({"request_uri": "https://evil.example/r"}, "request_uri_not_supported"),
        "the answer in a fragment": ({"response_mode": "fragment"}, "invalid_request"),
        "the answer as a form": ({"response_mode": "form_post"}, "invalid_request"),
        "a long nonce": ({"nonce": "n" * 513}, "invalid_request"),
        "a long request": ({"login_hint": "x" * 3_000}, "invalid_request"),
    }
    for name, (more, error) in wrong.items():
        yield Wrong(name, urlencode(program.asks(**more)), error)
    yield Wrong("no state", urlencode(program.asks(state=None, scope="x")), "invalid_scope", None)
    strange = 'a"><script>&x=1#é\\'
    yield Wrong("a strange state", urlencode(program.asks(state=strange, scope="x")), "invalid_scope", strange)


def _codes(program: Program) -> Iterator[Wrong]:
    """PKCE (RFC 7636 section 4.4.1, RFC 9700 section 4.8)."""
    wrong: dict[str, dict[str, str | None]] = {
        "no challenge": {"code_challenge": None, "code_challenge_method": None},
        "a method without a challenge": {"code_challenge": None},
        "an empty challenge": {"code_challenge": ""},
        "a challenge without a method, which would be plain": {"code_challenge_method": None},
        "the method plain": {"code_challenge_method": "plain"},
        "the method s256": {"code_challenge_method": "s256"},
        "the method S512": {"code_challenge_method": "S512"},
        "a short challenge": {"code_challenge": "a" * 42},
        "a long challenge": {"code_challenge": "a" * 44},
        "padding": {"code_challenge": "a" * 42 + "="},
        "base64 for another alphabet": {"code_challenge": "a" * 42 + "+"},
        "letters beyond ASCII": {"code_challenge": "é" * 43},
    }
    for name, more in wrong.items():
        yield Wrong(f"PKCE: {name}", urlencode(program.asks(**more)), "invalid_request")


def _twice(program: Program) -> Iterator[Wrong]:
    whole = urlencode(program.asks())
    for name in ("response_type", "scope", "code_challenge", "code_challenge_method", "nonce&nonce", "x&x"):
        yield Wrong(f"twice: {name}", f"{whole}&{name}", "invalid_request")
    yield Wrong("twice: state", f"{whole}&state=x", "invalid_request", None)
    both = urlencode({"resource": "http://engage.test/v1"})
    yield Wrong("twice: resource", f"{whole}&{both}&{both}", "invalid_target")
