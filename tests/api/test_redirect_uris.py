"""Redirect URIs of applications: which ones are taken, and which others they stand for (RFC 9700 section 4.1)."""

from typing import Any

import pytest

from engage_api.access.applications.redirects import LONGEST, fault, is_registered
from tests.api.harness import Client, refused
from tests.api.test_applications import PLAIN, application
from tests.counts import Count

GOOD = (
    "https://app.example.org",
    "https://app.example.org/",
    "https://app.example.org/signed-in",
    "https://app.example.org:8443/signed-in?tenant=4711&x=%C3%A9",
    "https://192.0.2.7/cb",
    "https://intranet/cb",
    "https://xn--mnchen-3ya.example/cb",
    "https://app.example.org/a//b/./c",
    "https://app.example.org/?return=/a/b?c",
    "https://app.example.org/cb;v=1,2",
    "http://127.0.0.1/cb",
    "http://127.0.0.1:4000/cb",
    "http://[::1]/cb",
    "http://localhost:3000",
    "com.example.app:/signed-in",
    "org.example.a-b.c2://signed-in/here?x=1",
)
BAD = {
    "blank": ("https://app.example.org/a b", " https://app.example.org/", "https://app.example.org/\n", "/cb\t"),
    "ASCII": (
        "https://münchen.example/",
        "https://app.example.org/é",
        "https://app.example.org/\u202ecb",
        "https://a/\0",
    ),
    "backslash": ("https://app.example.org\\@evil.example/", "https:\\\\app.example.org/", "https://a/\\..\\b"),
    "fragment": ("https://app.example.org/#", "https://app.example.org/cb#x", "com.example.app:/cb#x"),
    "user information": ("https://app.example.org@evil.example/", "https://u:p@app.example.org/", "com.example.a:/u@h"),
    "wildcard": ("https://*.example.org/", "https://app.example.org/*", "*"),
    "whole address": ("app.example.org/cb", "//app.example.org/cb", "/cb", "?code", "1https://a/", ":"),
    "'..'": (
        "https://app.example.org/a/../b",
        "https://a/%2e%2E/b",
        "https://a/.%2e/b",
        "https://a..b/",
        "https://a/b..",
    ),
    "half an escape": ("https://app.example.org/%", "https://app.example.org/%4", "https://app.example.org/%zz"),
    "answer": ("https://a.example/?code=1", "https://a.example/?x=1&state", "https://a/?%69ss=x", "https://a/?error=x"),
    "own machine": (
        "http://app.example.org/cb",
        "http://127.0.0.1.evil.example/",
        "http://localhost.evil.example/",
        "http://127.0.0.2/cb",
        "http://0.0.0.0/cb",
        "http://2130706433/cb",
        "http://127.1/cb",
        "http://[::ffff:127.0.0.1]/cb",
        "http://[::2]/cb",
        "http://127.0.0.1:0/cb",
        "http://127.0.0.1:x/cb",
        "http://127.0.0.1:123456/cb",
        "http://LOCALHOST/cb",
        "http:/127.0.0.1/cb",
    ),
    "web address": (
        "https://",
        "https:///cb",
        "https:app.example.org",
        "https:/app.example.org/cb",
        "https://-a.example/",
        "https://a_b.example/",
        "https://[::1]/cb",
        "https://app.example.org:/cb",
        "https://app.example.org:0443/cb",
        "https://app.example.org/a|b",
        'https://app.example.org/"',
        "https://app.example.org/<script>",
        "https://app.example.org/%00",
        "https://app.example.org/%5Ca",
        "https://app.example.org;x/",
        "https://app.example.org/%2e/",
    ),
    "path": ("com.example.app:", "com.example.app:signed-in", "com.example.app:?x", "COM.example.app:/cb"),
    "with a dot": (
        "HTTP://127.0.0.1/cb",
        "HTTPS://app.example.org/cb",
        "myapp:/cb",
        "javascript:alert(1)",
        "data:text/html,x",
        "file:///etc/passwd",
        "ftp://app.example.org/",
        "urn:ietf:wg:oauth:2.0:oob",
        "about:blank",
        "intent://app.example.org/",
        "vbscript:x",
    ),
}


def test_what_is_taken_and_why_not(count: Count) -> None:
    assert {uri: fault(uri) for uri in GOOD} == dict.fromkeys(GOOD)
    told = {uri: (word, fault(uri)) for word, uris in BAD.items() for uri in uris}
    assert {uri: found for uri, found in told.items() if found[1] is None or found[0] not in found[1]} == {}
    assert len(told) >= 60
    count("redirect URIs", refused=len(told))


REGISTERED = (
    "https://app.example.org/signed-in",
    "https://app.example.org/with?query=1",
    "http://127.0.0.1/cb",
    "http://[::1]:4000/cb?x=1",
    "http://localhost",
    "com.example.app:/signed-in",
)
MATCHES = (
    *REGISTERED,
    "http://127.0.0.1:1/cb",
    "http://127.0.0.1:65535/cb",
    "http://[::1]/cb?x=1",
    "http://[::1]:9/cb?x=1",
    "http://localhost:3000",
)
OTHERS = (
    "https://app.example.org/signed-in/",
    "https://app.example.org/signed-in?",
    "https://app.example.org/signed-in?x=1",
    "https://app.example.org/signed-in#x",
    "https://app.example.org/signed-in/../evil",
    "https://app.example.org/signed-inn",
    "https://app.example.org/signed-i",
    "https://app.example.org/Signed-in",
    "https://app.example.org/%73igned-in",
    "https://app.example.org//signed-in",
    "https://app.example.org/./signed-in",
    "https://app.example.org/",
    "https://app.example.org",
    "https://APP.example.org/signed-in",
    "https://app.example.org./signed-in",
    "https://app.example.org:443/signed-in",
    "https://app.example.org:8443/signed-in",
    "https://sub.app.example.org/signed-in",
    "https://example.org/signed-in",
    "https://app.example.org.evil.example/signed-in",
    "https://evil.example/https://app.example.org/signed-in",
    "https://evil.example?https://app.example.org/signed-in",
    "https://app.example.org@evil.example/signed-in",
    "https://evil.example\\@app.example.org/signed-in",
    "https://app.example.org\\.evil.example/signed-in",
    "https://user@app.example.org/signed-in",
    "http://app.example.org/signed-in",
    "HTTPS://app.example.org/signed-in",
    "https:/app.example.org/signed-in",
    "//app.example.org/signed-in",
    " https://app.example.org/signed-in",
    "https://app.example.org/signed-in\n",
    "https://app.example.org/signed-in\0",
    "https://app.example.org/with?query=2",
    "https://app.example.org/with?query=1&x=1",
    "https://app.example.org/with?query=%31",
    "https://app.example.org/with",
    "https://app.\u0435xample.org/signed-in",
    "https://127.0.0.1/cb",
    "http://127.0.0.1:1/cb/",
    "http://127.0.0.1:1/evil",
    "http://127.0.0.1:1/cb?x=1",
    "http://127.0.0.1:0/cb",
    "http://127.0.0.1:/cb",
    "http://127.0.0.1:1@evil.example/cb",
    "http://127.0.0.1.evil.example/cb",
    "http://127.0.0.1:1.evil.example/cb",
    "http://127.0.0.2:1/cb",
    "http://localhost:3000/cb",
    "http://localhost/cb",
    "http://localhost.evil.example",
    "http://localhost:3000\n",
    "http://[::1]:4000/cb",
    "http://[0:0:0:0:0:0:0:1]/cb?x=1",
    "com.example.app:/signed-in/",
    "com.example.app://signed-in",
    "com.example.app2:/signed-in",
    "com.example:/signed-in",
    "",
)


def test_which_ones_a_registered_one_stands_for(count: Count) -> None:
    assert [fault(uri) for uri in REGISTERED] == [None] * len(REGISTERED)
    assert [uri for uri in MATCHES if not is_registered(uri, REGISTERED)] == []
    assert [uri for uri in OTHERS if is_registered(uri, REGISTERED)] == []
    assert not any(is_registered(uri, ()) for uri in MATCHES)
    assert len(OTHERS) >= 40
    count("redirect URIs", others=len(OTHERS))


async def test_an_application_has_redirect_uris_that_are_tested_on_the_spot(api: Client) -> None:
    at = await application(api)
    made = await api.read(at)
    new: dict[str, Any] = {"redirectUris": [], "clientType": "confidential", "accessTokenFormat": "opaque"}
    assert {name: made[name] for name in new} == new
    etag = (await api.get(at)).headers["etag"]
    wrong = {"redirectUris": [GOOD[2], "http://app.example.org/cb"]}
    [fault_] = refused(await api.change(at, wrong, etag), 400, "invalid-request")["errors"]
    assert (fault_["pointer"], fault_["code"]) == ("/redirectUris/1", "redirect-uri")
    assert "http://127.0.0.1" in fault_["detail"]
    body: dict[str, Any] = {"redirectUris": list(GOOD), "accessTokenFormat": "jwt"}
    changed = (await api.change(at, body, etag)).json()
    assert {name: changed[name] for name in body} == body
    etag = (await api.get(at)).headers["etag"]
    cleared = (await api.change(at, {"redirectUris": None, "accessTokenFormat": None}, etag)).json()
    assert {name: cleared[name] for name in new} == new


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"redirectUris": ["https://a.example/"] * 21}, "/redirectUris"),
        ({"redirectUris": ["https://a.example/" + "a" * LONGEST]}, "/redirectUris/0"),
        ({"redirectUris": [7]}, "/redirectUris/0"),
        ({"redirectUris": [""]}, "/redirectUris/0"),
        ({"redirectUris": "https://a.example/"}, "/redirectUris"),
        ({"clientType": "native"}, "/clientType"),
        ({"accessTokenFormat": "JWT"}, "/accessTokenFormat"),
    ],
)
async def test_what_is_none_is_named(api: Client, body: dict[str, Any], pointer: str) -> None:
    told = refused(await api.post("/applications", json=PLAIN | body), 400, "invalid-request")
    assert [fault["pointer"] for fault in told["errors"]] == [pointer]


async def test_a_public_client_has_no_secret_and_stays_public(api: Client) -> None:
    at = await application(api, clientType="public")
    refused(await api.post(f"{at}/secrets", json={"environment": "test"}), 409, "public-client")
    etag = (await api.get(at)).headers["etag"]
    refused(await api.change(at, {"clientType": "confidential"}, etag), 400, "invalid-request")
