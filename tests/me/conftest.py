"""The same service and callers as the tests of the API have, and for people those of the tests of OAuth."""

from tests.accounts.conftest import town, url  # noqa: F401  # fixtures
from tests.api.conftest import api, nobody, other, partner, service, settings  # noqa: F401  # fixtures
