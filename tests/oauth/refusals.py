"""What must be refused, how it is asked for, and with which error (RFC 6749 section 5.2, RFC 8707, RFC 9700)."""

import base64
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlencode

from engage_api.core import secret
from tests.oauth.parties import FORM, GRANT, INTROSPECT, REVOKE, TOKEN, Credential, Party, basic
from tests.running import BASE_URL

ASK = f"grant_type={GRANT}"
Given = tuple[str, str]


@dataclass(frozen=True)
class Case:
    """One request that must be refused. Without `headers` it is a form of a client that shows itself."""

    name: str
    status: int
    error: str
    path: str = TOKEN
    body: str | bytes = ASK
    headers: list[Given] | None = None
    method: str = "POST"
    query: str = ""


def cases(ours: Party, theirs: Party) -> Iterator[Case]:
    """All of them, for these two parties."""
    yield from _shown(ours, theirs)
    yield from _in_the_body(ours, theirs)
    yield from _encoded(ours.test)
    yield from _forms(ours.test)
    yield from _asked(ours)
    yield from _of_tokens(ours)


def _shown(ours: Party, theirs: Party) -> Iterator[Case]:
    """In the header: who is not known, or not the one."""
    test, live = ours.test, ours.live
    other, never = secret.make("test", "secret").reveal(), "app_01kb0m5xnye0rt2e5v3h4q8zj9.test"
    wrong: dict[str, tuple[str, str]] = {
        "a client that was never made": (never, test.secret),
        "a secret that was never made": (test.id, other),
        "a secret of another client": (test.id, theirs.test.secret),
        "a secret of the other environment": (test.id, live.secret),
        "a test secret at the live client": (live.id, test.secret),
        "no secret": (test.id, ""),
        "no client": ("", test.secret),
        "the application's own id": (ours.application, test.secret),
        "another environment": (f"{ours.application}.prod", test.secret),
        "two environments": (f"{test.id}.live", test.secret),
        "another case": (test.id.upper(), test.secret),
        "a blank after the client": (f"{test.id} ", test.secret),
        "a blank after the secret": (test.id, f"{test.secret} "),
        "half a secret": (test.id, test.secret[:-1]),
        "an API key as a secret": (test.id, ours.operator),
        "a fingerprint as a secret": (test.id, secret.fingerprint(b"", test.secret).hex()),
        "letters beyond ASCII": ("äpp_é", "sécret"),
        "a letter beyond ASCII in the secret": (test.id, f"{test.secret}é"),
        "U+0000 in the client": (f"{test.id}\0", test.secret),
        "U+0000 in the secret": (test.id, f"{test.secret}\0"),
        "a statement as a client": (f"{ours.application}' OR '1'='1", test.secret),
        "a pattern as a client": ("app_%.test", test.secret),
        "a client of a thousand letters": ("app_" + "a" * 1000 + ".test", test.secret),
        "a secret of ten thousand letters": (test.id, "a" * 10_000),
    }
    for name, (client_id, shown) in wrong.items():
        yield Case(name, 401, "invalid_client", headers=[FORM, ("Authorization", basic(client_id, shown))])


def _encoded(who: Credential) -> Iterator[Case]:
    """In the header: what cannot be read."""
    pair = f"{who.id}:{who.secret}".encode()
    unreadable: dict[str, str] = {
        "no base64": f"Basic {who.id}:{who.secret}",
        "base64 with a stranger in it": "Basic " + base64.b64encode(pair).decode()[:-4] + "é===",
        "bytes that are no UTF-8": "Basic " + base64.b64encode(b"\xff\xfe:\xff").decode(),
        "an escape that is no UTF-8": "Basic " + base64.b64encode(f"{who.id}:%FF%FE".encode()).decode(),
        "half an escape": "Basic " + base64.b64encode(f"{who.id}:%".encode()).decode(),
        "no colon": "Basic " + base64.b64encode(who.id.encode()).decode(),
        "nothing": "Basic",
        "nothing but a blank": "Basic ",
        "an empty pair": "Basic Og==",
        "a bearer token": f"Bearer {who.secret}",
        "another scheme": 'Digest username="x"',
        "no scheme": base64.b64encode(pair).decode(),
    }
    for name, value in unreadable.items():
        yield Case(f"in the header {name}", 401, "invalid_client", headers=[FORM, ("Authorization", value)])
    twice = [FORM, who.basic, who.basic]
    yield Case("the header twice", 400, "invalid_request", headers=twice)


def _in_the_body(ours: Party, theirs: Party) -> Iterator[Case]:
    who = ours.test

    def body(**more: str) -> str:
        return urlencode({"grant_type": GRANT, **more})

    alone: dict[str, str] = {
        "nobody": body(),
        "a client without a secret": body(client_id=who.id),
        "a secret without a client": body(client_secret=who.secret),
        "a wrong secret in the body": body(client_id=who.id, client_secret=theirs.test.secret),
        "letters beyond ASCII in the body": body(client_id="é", client_secret="é"),
        "an empty secret in the body": body(client_id=who.id, client_secret=""),
        "an assertion": body(
            client_assertion_type="urn:ietf:params:oauth:client-assertion-type:jwt-bearer", client_assertion="e30.e30."
        ),
    }
    for name, text in alone.items():
        yield Case(name, 401, "invalid_client", body=text, headers=[FORM])
    both: dict[str, str] = {
        "the secret in both places": body(client_secret=who.secret),
        "client and secret in both places": body(client_id=who.id, client_secret=who.secret),
        "a wrong secret beside a right header": body(client_secret="x"),
        "an assertion beside the header": body(client_assertion="e30.e30."),
        "another client beside the header": body(client_id=ours.live.id),
    }
    for name, text in both.items():
        yield Case(name, 400, "invalid_request", body=text)
    url = urlencode({"client_id": who.id, "client_secret": who.secret})
    yield Case("the secret in the address", 400, "invalid_request", query=url, headers=[FORM])
    yield Case("the grant in the address", 400, "invalid_request", query=ASK, body="")


def _forms(who: Credential) -> Iterator[Case]:
    broken: dict[str, str | bytes] = {
        "the grant twice": f"{ASK}&{ASK}",
        "the scope twice": f"{ASK}&scope=cases%3Aread&scope=cases%3Aread",
        "what nobody knows twice": f"{ASK}&x=1&x=1",
        "what nobody knows twice, once without a value": f"{ASK}&x&x=1",
        "the grant twice, once escaped": f"{ASK}&%67rant_type={GRANT}",
        "U+0000": f"{ASK}&scope=a%00b",
        "U+0000 in a name": f"{ASK}&a%00=b",
        "a new line": f"{ASK}&scope=a%0D%0Ab",
        "bytes beyond ASCII": f"{ASK}&scope=\xe9".encode("latin-1"),
        "UTF-8 that is not escaped": f"{ASK}&scope=é".encode(),
        "an escape that is no UTF-8 in the body": f"{ASK}&scope=%FF",
        "half of a surrogate pair": f"{ASK}&scope=%ED%A0%80",
        "an overlong escape": f"{ASK}&scope=%C0%AF",
        "half an escape in the body": f"{ASK}&scope=%4",
        "half an escape at the end": f"{ASK}&scope=%",
        "too many parameters": ASK + "".join(f"&p{n}=1" for n in range(60)),
        "no body": b"",
        "JSON where a form should be": b'{"grant_type":"client_credentials"}',
        "a grant without a value": "grant_type=",
    }
    for name, body in broken.items():
        yield Case(name, 400, "invalid_request", body=body)
    yield Case("U+0000 in the address", 400, "invalid_request", query="a=%00")
    yield Case("a body that is far too large", 413, "invalid_request", body=b"a" * 2_000_000)
    yield Case("a body that is too large", 413, "invalid_request", body=f"{ASK}&x={'a' * 17_000}")
    kinds: dict[str, list[Given]] = {
        "no content type": [who.basic, ("Content-Type", "")],
        "JSON": [who.basic, ("Content-Type", "application/json")],
        "multipart": [who.basic, ("Content-Type", "multipart/form-data; boundary=x")],
        "plain text": [who.basic, ("Content-Type", "text/plain")],
        "another character set": [who.basic, (FORM[0], f"{FORM[1]}; charset=utf-7")],
        "two content types": [who.basic, FORM, FORM],
        "a packed body": [who.basic, FORM, ("Content-Encoding", "gzip")],
    }
    for name, headers in kinds.items():
        yield Case(name, 400, "invalid_request", headers=headers)
    for method in ("GET", "PUT", "DELETE", "PATCH", "HEAD"):
        yield Case(f"by {method}", 405, "invalid_request", method=method)


def _asked(ours: Party) -> Iterator[Case]:
    """A known client asks for what it does not get."""
    grants = (
        "password",
        "implicit",
        "urn:ietf:params:oauth:grant-type:jwt-bearer",
        "CLIENT_CREDENTIALS",
        f"{GRANT} ",
        'a"b\\',
        "é",
    )
    for grant in grants:
        yield Case(f"the grant {grant!r}", 400, "unsupported_grant_type", body=urlencode({"grant_type": grant}))
    scopes = {
        "that it has not": "offers:write",
        "beside one that it has": "customers:read offers:write",
        "that nobody has": "everything",
        "of operators": "admin:organizations",
        "with two blanks": "customers:read  cases:read",
        "with a comma": "customers:read,cases:read",
        "with a quote": 'customers:read "',
        "with letters beyond ASCII": "customers:réad",
        "in another case": "CUSTOMERS:READ",
        "that is a blank": " ",
        "that is a star": "*",
        "of a person": "openid customers:read",
    }
    for name, scope in scopes.items():
        yield Case(f"a scope {name}", 400, "invalid_scope", body=urlencode({"grant_type": GRANT, "scope": scope}))
    yield from _resources(ours)


def _resources(ours: Party) -> Iterator[Case]:
    def ask(resource: str) -> str:
        return urlencode({"grant_type": GRANT, "resource": resource})

    here = f"{BASE_URL}/v1"
    for resource in (
        "https://elsewhere.example/v1",
        BASE_URL,
        f"{here}/",
        f"{here}/sandboxes",
        f"{here}/sandboxes/",
        f"{here}/sandboxes/sbx_01kb0m5xnye0rt2e5v3h4q8zj9",
        f"{here}/sandboxes/live",
        f"{here}/sandboxes/{ours.sandbox}/",
        f"{here}/sandboxes/{ours.sandbox}#x",
        f"{here}/customers",
        f"{here.upper()}",
        ours.sandbox,
        "live",
        "é",
    ):
        yield Case(f"the resource {resource}", 400, "invalid_target", body=ask(resource))
    twice = f"{ask(here)}&{urlencode({'resource': f'{here}/sandboxes/{ours.sandbox}'})}"
    yield Case("two resources", 400, "invalid_target", body=twice)
    own = [FORM, ours.live.basic]
    yield Case(
        "a sandbox for the live client",
        400,
        "invalid_target",
        body=ask(f"{here}/sandboxes/{ours.sandbox}"),
        headers=own,
    )


def _of_tokens(ours: Party) -> Iterator[Case]:
    """At the two other doors."""
    for path in (REVOKE, INTROSPECT):
        door = path.rpartition("/")[2]
        yield Case(f"{door} without a token", 400, "invalid_request", path=path, body="x=1")
        yield Case(f"{door} of an empty token", 400, "invalid_request", path=path, body="token=")
        yield Case(f"{door} of two tokens", 400, "invalid_request", path=path, body="token=a&token=b")
        yield Case(f"{door} by nobody", 401, "invalid_client", path=path, body="token=a", headers=[FORM])
        shown = [FORM, ("Authorization", basic(ours.test.id, ours.live.secret))]
        yield Case(f"{door} with a wrong secret", 401, "invalid_client", path=path, body="token=a", headers=shown)
        bearer = [FORM, ("Authorization", f"Bearer {ours.operator}")]
        yield Case(f"{door} with an API key", 401, "invalid_client", path=path, body="token=a", headers=bearer)
        yield Case(f"{door} by GET", 405, "invalid_request", path=path, method="GET", query="token=a", body="")
