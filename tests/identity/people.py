"""What a client does with what is signed."""

import base64
import json
from typing import Any

from joserfc import jwt
from joserfc.jwk import KeySet

from tests.running import Service


async def keys(service: Service) -> list[dict[str, Any]]:
    """The published ones."""
    answer = await service.ask("GET", "/oauth/jwks")
    assert answer.status == 200, answer.body
    return list(answer.json["keys"])


async def believed(service: Service, token: str) -> jwt.Token:
    """A token as somebody reads it who follows the published keys."""
    return jwt.decode(token, KeySet.import_key_set({"keys": await keys(service)}), ["RS256"])


def header(token: str) -> dict[str, Any]:
    return dict(json.loads(base64.urlsafe_b64decode(token.split(".", maxsplit=1)[0] + "==")))


async def status(service: Service, token: str, path: str = "/v1/customers") -> int:
    return (await service.ask("GET", path, key=token)).status
