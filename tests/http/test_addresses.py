"""Whom the outer limit counts."""

import pytest

from engage_api.http.middleware import counted_as


@pytest.mark.parametrize(
    ("host", "counted"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3::4", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::9", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("fe80::1%eth0", "fe80::/64"),
        ("a:socket", "a:socket"),
    ],
)
def test_an_ipv6_subscriber_is_one_address(host: str, counted: str) -> None:
    assert counted_as({"client": (host, 4711)}) == counted


def test_who_has_no_address_is_counted_too() -> None:
    assert counted_as({"client": None}) == "unknown"
