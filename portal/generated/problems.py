"""The page of each problem type: what `type` of an error leads to."""

import json
from inspect import getdoc

from engage_api.core.problem import Problem
from engage_api.http import openapi, samples
from portal.generated import tables
from portal.generated.api import Door, doors

MANY = 6  # operations; a longer list is folded

AGAIN = {
    "changed": "Yes, after you have read the resource again.",
    "internal-error": "Yes. A write with an `Idempotency-Key`: with the same key, so that it has one effect.",
    "precondition-required": "Yes, with `If-Match`.",
    "sandbox-busy": "Yes, unchanged, after `Retry-After` seconds.",
    "stale-version": "Yes, with the new `ETag`, after you have looked at what changed.",
    "still-running": "Yes, unchanged, after `Retry-After` seconds.",
    "too-many-requests": "Yes, unchanged, after `Retry-After` seconds.",
    "too-many-streams": "Yes, unchanged, after `Retry-After` seconds, once another one is closed.",
    "unauthenticated": "Yes, with a key that works. The one that `make run` printed ends at its next start. A sandbox "
    "ends with its time, and its keys and tokens with it: then make another one. Which of all this it was is told to "
    "nobody, because whoever asks has not shown who they are.",
    "unavailable": "Yes, unchanged, after `Retry-After` seconds. A write: with the same `Idempotency-Key`.",
}
NOT_AGAIN = "Not as it is: the answer would be the same."


def page(kind: type[Problem]) -> str:
    """The Markdown of a problem type."""
    shown = json.dumps(samples.body(kind), indent=2, ensure_ascii=False)
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


def index() -> str:
    """The Markdown of the page above them all."""
    return f"""---
title: Problem types
description: Every problem type of Engage API by HTTP status, with its page.
---
# Problem types

What the `type` of an error leads to. What all of them have in common: [how errors look](../errors.md).

{tables.problems("")}
"""


def _where(some: list[Door]) -> str:
    if not some:
        return "Any request, whatever its path."
    if len(some) == len(doors()):
        return "Every operation."
    links = [f"[{door.summary}]({door.anchor})" for door in some]
    if len(links) <= MANY:
        return "\n".join(f"- {link}" for link in links)
    return f'??? note "{len(links)} operations"\n\n' + "\n".join(f"    - {link}" for link in links)
