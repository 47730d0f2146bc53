"""What the authorization server says of itself is what it does (RFC 8414, RFC 9728)."""

from collections.abc import AsyncIterator

import pytest
from authlib.oauth2.rfc8414 import AuthorizationServerMetadata

from engage_api.core.scopes import Scope
from tests.oauth.parties import FORM, Party, post
from tests.running import Service
from tests.running import service as running

BASE = "https://api.example.org"
WHERE = "/.well-known/oauth-authorization-server"


@pytest.fixture
async def service(module_sqlite_url: str) -> AsyncIterator[Service]:
    """Behind a proxy that speaks TLS; no database takes part in what is said."""
    async with running(module_sqlite_url, public_url=BASE) as started:
        yield started


async def metadata(service: Service) -> AuthorizationServerMetadata:
    answer = await service.ask("GET", WHERE)
    assert (answer.status, answer.header("content-type")) == (200, "application/json")
    assert answer.header("cache-control") == "public, max-age=3600"
    return AuthorizationServerMetadata(answer.json)


async def test_authlib_accepts_the_metadata(service: Service) -> None:
    said = await metadata(service)
    for key in said.REGISTRY_KEYS:
        getattr(said, f"validate_{key}")()
    assert said["issuer"] == BASE
    assert said["scopes_supported"] == ["openid", "profile", "email", *(scope.value for scope in Scope)]
    assert (said["response_types_supported"], said["code_challenge_methods_supported"]) == (["code"], ["S256"])
    assert said["authorization_response_iss_parameter_supported"] is True


async def test_authlib_refuses_a_planted_lie(service: Service) -> None:
    said = await metadata(service)
    said["token_endpoint"] = "http://api.example.org/oauth/token"
    with pytest.raises(ValueError, match="https"):
        said.validate_token_endpoint()


async def test_what_it_says_is_there(service: Service, ours: Party) -> None:
    said = await metadata(service)
    for name in ("token", "revocation", "introspection"):
        path = said[f"{name}_endpoint"].removeprefix(BASE)
        for method in said[f"{name}_endpoint_auth_methods_supported"]:
            form = {"token": "x", "grant_type": said["grant_types_supported"][0]}
            own = {"client_id": ours.test.id, "client_secret": ours.test.secret}
            basic = method == "client_secret_basic"
            if method == "none":  # of a client without a secret; this one has one
                answer = await post(service, path, form | {"client_id": ours.test.id})
                assert answer.status == 401, (name, answer.body)
                continue
            answer = await post(service, path, form | ({} if basic else own), ours.test if basic else None)
            assert answer.status == 200, (name, method, answer.body)
    for grant in said["grant_types_supported"]:
        answer = await post(service, "/oauth/token", {"grant_type": grant}, ours.test)
        assert answer.status == 200 or answer.json["error"] != "unsupported_grant_type", grant
    place = said["authorization_endpoint"].removeprefix(BASE)
    assert "client id" in (await service.ask("GET", place)).body.decode()
    [resource] = said["protected_resources"]
    for place in ("", "/v1"):  # the path of a resource stands behind (RFC 9728 section 3.1)
        protected = (await service.ask("GET", f"/.well-known/oauth-protected-resource{place}")).json
        assert (protected["resource"], protected["authorization_servers"]) == (resource, [said["issuer"]])


async def test_the_document_is_for_readers_only(service: Service) -> None:
    assert (await service.ask("POST", WHERE, b"", headers=[FORM])).status == 405


async def test_who_asks_for_the_methods_is_told(service: Service) -> None:
    answer = await service.ask("OPTIONS", "/oauth/token")
    assert (answer.status, answer.header("allow")) == (204, "OPTIONS, POST")


async def test_the_catalog_names_the_document(service: Service) -> None:
    [entry] = (await service.ask("GET", "/.well-known/api-catalog")).json["linkset"]
    assert f"{BASE}{WHERE}" in [link["href"] for link in entry["service-meta"]]
