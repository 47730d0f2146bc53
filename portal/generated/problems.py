"""The page of each problem type: what `type` of an error leads to."""

import json
from inspect import getdoc
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
from engage_api.http import openapi, problems
from portal.generated.api import Door, doors

REQUEST = "5f0c2f4e-5d0e-4b8e-9f57-0a7c3f1f9f10"
MANY = 6  # operations; a longer list is folded

EXAMPLES: dict[str, Problem] = {
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

AGAIN = {
    "changed": "Yes, after you have read the resource again.",
    "internal-error": "Yes. A write with an `Idempotency-Key`: with the same key, so that it has one effect.",
    "precondition-required": "Yes, with `If-Match`.",
    "stale-version": "Yes, with the new `ETag`, after you have looked at what changed.",
    "still-running": "Yes, unchanged, after `Retry-After` seconds.",
    "too-many-requests": "Yes, unchanged, after `Retry-After` seconds.",
    "unauthenticated": "Yes, with a key that works.",
    "unavailable": "Yes, unchanged, after `Retry-After` seconds. A write: with the same `Idempotency-Key`.",
}
NOT_AGAIN = "Not as it is: the answer would be the same."


def page(kind: type[Problem]) -> str:
    """The Markdown of a problem type."""
    shown = json.dumps(body(EXAMPLES.get(kind.code, kind())), indent=2, ensure_ascii=False)
    return f"""---
title: {json.dumps(kind.title)}
description: {json.dumps(f"The problem type {kind.code}: {kind.title}.")}
---
# {kind.title}

`{kind.code}`{{ .code }} HTTP status **{kind.status}**
{{ .problem }}

## What happened

{getdoc(kind)}

## Send it again?

{AGAIN.get(kind.code, NOT_AGAIN)}

## How it looks

```json
{shown}
```

Compare `code` in your program: it never changes. `instance` is the id of the request, which is also in our log: tell it
when you ask for help. More about the members: [how errors look](../errors.md).

## Where it comes from

{_where([door for door in doors() if kind in openapi.problems_of(door.operation)])}
"""


def body(problem: Problem) -> Any:
    """What the service would answer, at an address that stands for any."""
    return json.loads(bytes(problems.render(problem, REQUEST, "https://api.example.org").body))


def _where(some: list[Door]) -> str:
    if not some:
        return "Any request, whatever its path."
    if len(some) == len(doors()):
        return "Every operation."
    links = [f"[{door.summary}]({door.anchor})" for door in some]
    if len(links) <= MANY:
        return "\n".join(f"- {link}" for link in links)
    return f'??? note "{len(links)} operations"\n\n' + "\n".join(f"    - {link}" for link in links)
