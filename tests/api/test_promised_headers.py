"""Every header that the description promises with what was made or changed is there."""

import re

import pytest

from tests.api.harness import Client, Service
from tests.api.test_commit import send, settings, writes
from tests.api.test_http import DESCRIPTION

__all__ = ["settings"]  # its own database, in which nothing else runs
PROMISED = {"ETag", "Location"}
pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def promised(method: str, path: str, status: int) -> set[str]:
    """What the description says; of several paths that fit, the one without a parameter."""
    fitting = [one for one in DESCRIPTION["paths"] if re.fullmatch(re.sub(r"{\w+}", "[^/]+", one), path)]
    operation = DESCRIPTION["paths"][min(fitting, key=lambda one: one.count("{"))][method.lower()]
    return PROMISED & set(operation["responses"][str(status)]["headers"])


async def test_what_was_made_has_the_headers_that_are_promised_and_no_others(service: Service, api: Client) -> None:
    wrong = []
    for write in await writes(service, api):
        answer = await send(api, write)
        assert answer.is_success, answer.text
        given = {name for name in PROMISED if name in answer.headers}
        if given != (said := promised(*write[:2], answer.status_code)):
            wrong.append(f"{write[0]} {write[1]}: {sorted(given)} given, {sorted(said)} promised")
    assert not wrong, "\n".join(wrong)
