"""The service on each database, with people who cost little."""

from tests.accounts.conftest import town, url

__all__ = ["town", "url"]
