"""What every answer carries, whatever it says."""

from collections.abc import Sequence

from engage_api import __version__

Headers = Sequence[tuple[bytes, bytes]]

_EVERYWHERE: Headers = (
    (b"strict-transport-security", b"max-age=31536000; includeSubDomains"),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
)
API_HEADERS: Headers = (
    *_EVERYWHERE,
    (b"api-version", __version__.encode()),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
)
PAGE_HEADERS: Headers = (
    *_EVERYWHERE,
    (
        b"content-security-policy",
        (
            b"default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; object-src 'none'; "
            b"base-uri 'self'; form-action 'self'; frame-ancestors 'none'"
        ),
    ),
)
