"""The same service and callers as the tests of the API have, and for people those of the tests of OAuth."""

import pytest

from tests.accounts.browsing import Town
from tests.accounts.conftest import town, url
from tests.api.conftest import api, nobody, other, partner, service, settings
from tests.me.desk import Desk, open_desk

__all__ = ["api", "nobody", "other", "partner", "service", "settings", "town", "url"]


@pytest.fixture
async def desk(town: Town) -> Desk:
    return await open_desk(town)
