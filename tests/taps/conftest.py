"""The same service and callers as the tests of the API have."""

from tests.api.conftest import api, nobody, other, partner, service, settings

__all__ = ["api", "nobody", "other", "partner", "service", "settings"]
