"""What the service says of itself to who wants people to sign in with it (OpenID Connect Discovery section 3)."""

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from engage_api.access.oauth import metadata, userinfo
from engage_api.access.oauth.signing import ALGORITHM

PATH = "/.well-known/openid-configuration"
CLAIMS = ["sub", "iss", "aud", "azp", "exp", "iat", "auth_time", "nonce", "at_hash", "name", "email", "email_verified"]


def document(base_url: str) -> dict[str, Any]:
    """The metadata of the authorization server, and what is told of people besides."""
    return metadata.document(base_url) | {
        "userinfo_endpoint": f"{base_url}{userinfo.USERINFO}",
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": [ALGORITHM],
        "claim_types_supported": ["normal"],
        "claims_supported": CLAIMS,
        "prompt_values_supported": ["none", "login", "consent"],
        "claims_parameter_supported": False,
        "request_parameter_supported": False,
        "request_uri_parameter_supported": False,  # left out it would be true
    }


def routes(base_url: str) -> list[Route]:
    """Where it is found."""
    found = document(base_url)

    async def show(_: Request) -> Response:
        return JSONResponse(found, headers={"Cache-Control": "public, max-age=3600"})

    return [Route(PATH, show), *userinfo.routes]
