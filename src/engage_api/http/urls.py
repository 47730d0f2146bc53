"""URLs that others give us, as they have to be written."""

import re

from engage_api.http.answers import InvalidUrl

LONGEST = 2_048  # characters
_WRITTEN = re.compile(
    r"""https?:// (?: \[ [0-9a-f:.]+ \] | [^/?#@:\\\[\]\s]+ ) (?: :[0-9]{1,5} )? (?: [/?] [^#\\\s]* )?""",
    re.IGNORECASE | re.VERBOSE,
)


def require_written(url: str) -> None:
    """Refuse what two programs might read in two ways.

    Raises:
        InvalidUrl: how it should be.
    """
    if len(url) > LONGEST:
        raise InvalidUrl(f"The URL is longer than {LONGEST:,} characters.")
    if not url.isprintable() or not _WRITTEN.fullmatch(url):
        raise InvalidUrl(
            "The URL must be https://HOST or https://HOST:PORT, then a path: no user, no fragment, no blank."
        )
