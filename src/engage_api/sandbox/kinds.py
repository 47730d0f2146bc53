"""Every kind of resource that an event of a sandbox can tell of.

Kinds are known once they are imported, which at the command line nothing else does: whoever asks for one by the type of
an event asks here.
"""

from typing import Any

from engage_api.access import models as _keys  # noqa: F401  # imported to be known, as all of these
from engage_api.access.applications import models as _applications  # noqa: F401
from engage_api.access.applications import secret_models as _client_secrets  # noqa: F401
from engage_api.access.customer_links import models as _links  # noqa: F401
from engage_api.access.members import models as _members  # noqa: F401
from engage_api.access.organizations import models as _organizations  # noqa: F401
from engage_api.access.sandboxes import models as _sandboxes  # noqa: F401
from engage_api.cases import models as _cases  # noqa: F401
from engage_api.cases.tasks import models as _tasks  # noqa: F401
from engage_api.customers import models as _customers  # noqa: F401
from engage_api.db.kind import Kind
from engage_api.events.webhooks import models as _endpoints  # noqa: F401
from engage_api.events.webhooks import secret_models as _secrets  # noqa: F401
from engage_api.offers import models as _offers  # noqa: F401
from engage_api.sandbox.copies import models as _copies  # noqa: F401
from engage_api.sandbox.scenarios import models as _stories  # noqa: F401


def of_type(name: str) -> tuple[Kind[Any], str] | None:
    """The kind that an event of this type tells of, and what happened to one; None when there is no such type."""
    for kind in Kind.known.values():
        for happened in kind.happens:
            if kind.event(happened) == name:
                return kind, happened
    return None
