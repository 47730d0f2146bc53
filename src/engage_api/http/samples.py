"""What each problem looks like, for the description and for the portal's pages."""

import json
from typing import Any

from engage_api.core.problem import (
    Fault,
    InsufficientScope,
    InvalidCursor,
    InvalidRequest,
    InvalidTransition,
    Problem,
    TooManyRequests,
    UnknownReference,
)
from engage_api.http import problems

HERE = "http://127.0.0.1:8000"
"""The address in every example: that of a service as it comes. Where one is served, its own takes the place."""
REQUEST = "5f0c2f4e-5d0e-4b8e-9f57-0a7c3f1f9f10"

SAMPLES: dict[str, Problem] = {
    "insufficient-scope": InsufficientScope("The scope cases:write is needed.", more={"requiredScope": "cases:write"}),
    "invalid-cursor": InvalidCursor(
        errors=[Fault("invalid-cursor", "Start again without a cursor.", parameter="cursor")]
    ),
    "invalid-request": InvalidRequest(
        errors=[
            Fault("missing", "Field required", pointer="/displayName"),
            Fault("extra-forbidden", "Extra inputs are not permitted", pointer="/name"),
            Fault("less-than-equal", "Input should be less than or equal to 200", parameter="limit"),
        ]
    ),
    "invalid-transition": InvalidTransition(
        "From received it can go to: accepted, rejected, withdrawn.",
        more={"state": "received", "allowed": ["accepted", "rejected", "withdrawn"]},
    ),
    "too-many-requests": TooManyRequests("The window of 600 requests is used up."),
    "unknown-reference": UnknownReference(
        errors=[Fault("unknown-reference", "There is no such customer.", pointer="/customerId")]
    ),
}
"""Problems that say more than their title."""


def body(kind: type[Problem]) -> dict[str, Any]:
    """What the service would answer."""
    said = SAMPLES.get(kind.code) or kind()
    found: dict[str, Any] = json.loads(bytes(problems.render(said, REQUEST, HERE).body))
    return found
