"""The service on each database, one database for a module."""

from tests.api.conftest import api, other, service, settings

__all__ = ["api", "other", "service", "settings"]
