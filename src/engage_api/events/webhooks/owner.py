"""For whom an endpoint hears: its application, as long as that may act and see events."""

from typing import Any

from engage_api.access import holders
from engage_api.access.applications.models import APPLICATION, OPERATOR
from engage_api.core.principal import Principal
from engage_api.core.scopes import Scope

CREDENTIAL = "webhook"  # of what the service does about an endpoint by itself


def principal(row: Any) -> Principal | None:
    """Of a row of `holders.of`: who sees what the endpoint is sent. None when its application may see no events now."""
    if not holders.may_act(row):
        return None
    if row.application_id != OPERATOR:  # which grants itself nothing
        application = APPLICATION.read(row.application)
        if Scope.EVENTS_READ not in (application.scopes if holders.is_test(row) else application.granted_scopes):
            return None
    return holders.principal(row, CREDENTIAL, [Scope.EVENTS_READ], None)
