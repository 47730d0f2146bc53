"""`/oauth/jwks`: the keys that our signatures are verified with (RFC 7517)."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from engage_api.access.oauth.signing import Keyring
from engage_api.db.errors import Unavailable

JWKS = "/oauth/jwks"
FRESH = 300  # seconds for which it may be kept: a key that was revoked is believed no longer than that


async def show(request: Request) -> Response:
    """Keys that sign, that will, and that have signed what is still good. A key is here a day before it signs."""
    ring: Keyring = request.scope["state"]["services"].signing
    try:
        keys = await ring.published()
    except Unavailable:
        return JSONResponse({"error": "temporarily_unavailable"}, 503, {"Retry-After": "1"})
    headers = {"Cache-Control": f"public, max-age={FRESH}"}
    return JSONResponse({"keys": keys}, headers=headers, media_type="application/jwk-set+json")


routes = [Route(JWKS, show, methods=["GET"])]
