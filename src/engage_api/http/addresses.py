"""Which addresses of the internet are public. The rule is our own: `ipaddress.is_global` says yes to too many.

It takes 64:ff9b::7f00:1, 2002:a9fe:a9fe::, fec0::1 and 224.0.0.1 for global (Python 3.11), and each of them leads to
some inside. So an address has to be global there and to stand outside the networks listed here (IANA's registries of
special-purpose addresses, RFC 6890). Of IPv6 only what has been given out is public, 2000::/3; thus what embeds an IPv4
address (64:ff9b::/96, 64:ff9b:1::/48, ::/96) or was once an inside (fec0::/10) need not be listed.
"""

import re
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

Address = IPv4Address | IPv6Address

GIVEN_OUT = IPv6Network("2000::/3")
NEVER = tuple(
    map(
        IPv4Network,
        (
            "0.0.0.0/8",  # this host
            "10.0.0.0/8",  # private
            "100.64.0.0/10",  # carriers' own, and the metadata service of one cloud
            "127.0.0.0/8",  # loopback
            "168.63.129.16/32",  # looks public, and is the inside of every machine in one cloud
            "169.254.0.0/16",  # link-local, with the metadata service of most clouds
            "172.16.0.0/12",  # private
            "192.0.0.0/24",  # assignments of the IETF
            "192.0.2.0/24",  # documentation
            "192.31.196.0/24",  # AS112
            "192.52.193.0/24",  # AMT, which carries multicast
            "192.88.99.0/24",  # 6to4's relays
            "192.168.0.0/16",  # private
            "192.175.48.0/24",  # AS112
            "198.18.0.0/15",  # benchmarks
            "198.51.100.0/24",  # documentation
            "203.0.113.0/24",  # documentation
            "224.0.0.0/4",  # multicast
            "240.0.0.0/4",  # reserved, and broadcast
        ),
    )
)
NEVER_V6 = tuple(
    map(
        IPv6Network,
        (
            "2001::/23",  # assignments of the IETF, with Teredo, ORCHID and benchmarks
            "2001:db8::/32",  # documentation
            "2002::/16",  # 6to4, which embeds an IPv4 address
            "2620:4f:8000::/48",  # AS112
            "3fff::/20",  # documentation
        ),
    )
)

_LABEL = "[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_NAME = re.compile(rf"(?:{_LABEL}\.)*{_LABEL}")
_ENDS_IN_NUMBER = re.compile(r"(?:.*\.)?(?:[0-9]+|0x[0-9a-f]*)")


def spelt(host: str) -> bool:
    """Whether a host of a URL, in lower case and after IDNA, has the one spelling that nobody reads differently.

    A name whose last label is a number is an IPv4 address to many programs (2130706433, 0x7f.1, 0177.0.0.1), and no
    such name exists (WHATWG URL, "ends in a number"). A dot at the end makes another name of the same host.
    """
    try:
        return bool(read(host))
    except ValueError:
        return len(host) <= 253 and bool(_NAME.fullmatch(host)) and not _ENDS_IN_NUMBER.fullmatch(host)


def read(text: str) -> Address:
    """The address that is meant: an IPv4 address in IPv6's clothes (::ffff:0:0/96) is an IPv4 address.

    Raises:
        ValueError: it is none, as URLs and resolvers write them (four decimal numbers; no 0x7f.1).
    """
    address = ip_address(text)
    return (address.version == 6 and address.ipv4_mapped) or address


def public(address: Address) -> bool:
    """Whether it is an address that anybody may be sent to."""
    if isinstance(address, IPv4Address):
        return address.is_global and not any(address in network for network in NEVER)
    # A zone (fe80::1%eth0) names an interface of this machine, whatever stands before it.
    given = address in GIVEN_OUT and address.scope_id is None
    return given and address.is_global and not any(address in network for network in NEVER_V6)
