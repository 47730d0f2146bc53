"""What a request shows, and whether it is good where it comes from."""

from ipaddress import ip_address

from engage_api.core import clock
from engage_api.core.principal import Principal


def bearer(headers: list[tuple[bytes, bytes]]) -> str | None:
    """The token of the one `Authorization: Bearer` header; more than one is none (RFC 6750 section 2)."""
    return presented(headers)[0]


def presented(headers: list[tuple[bytes, bytes]]) -> tuple[str | None, str | None]:
    """The same, and the fault that is asked for, if any: its lines are one list (RFC 9651 section 3.2)."""
    given, wish = [], None
    for name, value in headers:
        if name == b"authorization":
            given.append(value)
        elif name == b"engage-fault":
            wish = str(value, "latin-1") if wish is None else f"{wish}, {str(value, 'latin-1')}"
    if len(given) != 1 or given[0][:7].lower() != b"bearer ":
        return None, wish
    return str(given[0][7:].strip(b" "), "latin-1"), wish


def usable(principal: Principal, client: tuple[str, int] | None) -> bool:
    """Whether the credential has not expired and may be used from this address."""
    if principal.expires_at is not None and principal.expires_at <= clock.business(principal.workspace):
        return False
    if not principal.networks:
        return True
    try:
        address = ip_address(client[0] if client else "")
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return any((mapped or address) in network for network in principal.networks)
