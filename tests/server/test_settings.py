"""What an operator may set, and what is refused before anything starts."""

from typing import Any

import pytest

from engage_api.settings import Misconfigured, Settings, read
from tests.running import SECRET

PRODUCTION = {"environment": "production", "secret_key": SECRET}


@pytest.mark.parametrize("environment", ["development", "production"])
@pytest.mark.parametrize(
    "url",
    [
        "api.example.org",
        "//api.example.org",
        "ftp://api.example.org",
        "https://",
        "https:///v1",
        "https://user:pass@api.example.org",
        "https://api.example.org/?a=1",
        "https://api.example.org\n",
    ],
)
def test_a_public_address_that_is_none_is_refused(environment: str, url: str) -> None:
    with pytest.raises(Misconfigured, match=r"^ENGAGE_PUBLIC_URL: .*as https://api\.example\.org") as told:
        read(environment=environment, secret_key=SECRET, public_url=url)
    assert "user:" not in str(told.value)


@pytest.mark.parametrize("url", ["https://api.example.org", "http://127.0.0.1:8000", "http://[::1]:8000/engage"])
@pytest.mark.parametrize("end", ["", "/"])
def test_a_public_address_is_known_without_its_last_slash(url: str, end: str) -> None:
    assert read(**PRODUCTION, public_url=url + end).base_url == url


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])  # noqa: S104  # it opens nothing
def test_production_at_every_address_needs_the_public_one(host: str) -> None:
    with pytest.raises(Misconfigured, match="ENGAGE_PUBLIC_URL must be set, as https://"):
        read(**PRODUCTION, host=host)
    assert read(**PRODUCTION, host=host, public_url="https://api.example.org").host == host
    assert read(host=host).host == host
    assert read(**PRODUCTION).host == "127.0.0.1"


@pytest.mark.parametrize("name", Settings.model_fields)
def test_an_empty_variable_is_not_set(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    default: Any = getattr(Settings(), name)
    monkeypatch.setenv(f"ENGAGE_{name.upper()}", "")
    assert getattr(read(), name) == default


def test_a_provider_comes_with_its_client_id_and_secret_over_tls() -> None:
    whole = {"oidc_issuer": "https://id.example.org", "oidc_client_id": "engage", "oidc_client_secret": "quince"}
    assert read(**whole).oidc_issuer == "https://id.example.org"
    for missing in ("oidc_client_id", "oidc_client_secret"):
        with pytest.raises(Misconfigured, match="must be set with ENGAGE_OIDC_ISSUER") as told:
            read(**{name: value for name, value in whole.items() if name != missing})
        assert "quince" not in str(told.value)
    plain = whole | {"oidc_issuer": "http://127.0.0.1:9000"}
    with pytest.raises(Misconfigured, match="must begin with https://"):
        read(**plain)
    assert read(**plain, outbound_loopback=True).oidc_issuer == "http://127.0.0.1:9000"
