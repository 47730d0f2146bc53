"""The doors of the authorization server for programs: `/oauth/token`, `/oauth/revoke` and `/oauth/introspect`."""

import structlog
from authlib.oauth2.rfc6749 import InvalidClientError, InvalidGrantError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from engage_api.access.oauth import (
    authorize,
    clients,
    device_pages,
    devices,
    discovery,
    jwks,
    metadata,
    permissions,
    registration,
    server,
    signed,
    store,
    tokens,
)
from engage_api.access.oauth.device import BEGIN, DeviceCode
from engage_api.access.oauth.doors import Endpoint, later
from engage_api.access.oauth.forms import NONE, Asked, Refused
from engage_api.access.oauth.grants import AuthorizationCode, Refresh
from engage_api.access.oauth.server import Answer, Found, Issued, Server
from engage_api.access.oauth.store import Allowed
from engage_api.core import clock, secret
from engage_api.db import world
from engage_api.db.errors import Conflict
from engage_api.http.call import Services
from engage_api.http.windows import Seconds

SUCCESSION = "refresh-succession"  # what the key is for that says which refresh token follows which
_log = structlog.get_logger("engage.oauth")
EACH_CLIENT = Seconds(600, 60, "oauth-client")
"""Requests of one client. Only those with the right secret are counted, so that nobody can use up somebody else's; and
guessing a secret of 178 bits is hopeless at any pace."""


async def token(asked: Asked, services: Services) -> Answer:
    """A token for a grant (RFC 6749 section 3.2). It is written before it is answered."""
    if "grant_type" not in asked.form:
        raise Refused("invalid_request", "The parameter grant_type is missing.")
    deciding = Server(await _found(asked, services), services.base_url)
    answer: Answer = deciding.create_token_response(asked)
    if too_many := await _too_many(deciding, asked, services):
        return too_many
    if deciding.ended is not None:
        await store.end(services.db, deciding.ended)
        _note_reuse(services, deciding)
    elif deciding.issued is not None:
        return await _written(asked, services, deciding, deciding.issued) or answer
    return answer


async def revoke(asked: Asked, services: Services) -> Answer:
    """The end of a token (RFC 7009). The answer is the same whether there was anything to end."""
    deciding = await _of_token(asked, services)
    answer: Answer = deciding.create_endpoint_response(server.REVOKE, asked)
    if too_many := await _too_many(deciding, asked, services):
        return too_many
    if isinstance(deciding.revoked, Allowed):  # a refresh token: all that followed from it, too
        await store.end(services.db, deciding.revoked.id)
        services.doorkeeper.forget_all()
    elif deciding.revoked is not None:
        await tokens.revoke(services.db, deciding.revoked.workspace, deciding.revoked.id)
        services.doorkeeper.forget(deciding.revoked.id)
    return answer


async def introspect(asked: Asked, services: Services) -> Answer:
    """What a token may still do (RFC 7662)."""
    deciding = await _of_token(asked, services)
    answer: Answer = deciding.create_endpoint_response(server.INTROSPECT, asked)
    return await _too_many(deciding, asked, services) or answer


async def begin_device(asked: Asked, services: Services) -> Answer:
    """The codes of a device that waits from now on (RFC 8628 section 3.1)."""
    client, mark = await _client(asked, services)
    place = await clients.workspace(services.db, client, services.base_url, asked.form.get("resource"))
    deciding = Server(Found(client, mark, place), services.base_url)
    answer: Answer = deciding.create_endpoint_response(BEGIN, asked)
    if too_many := await _too_many(deciding, asked, services):
        return too_many
    if deciding.begun is not None:
        device, person, words = deciding.begun
        codes = {"device_code": _mark(services, device), "user_code": _mark(services, person)}
        try:
            await devices.add(services.db, client, str(place), words, **codes)
        except Conflict:  # another device shows the same code
            return later(503, 1)
    return answer


async def _client(asked: Asked, services: Services) -> tuple[clients.Client, bytes]:
    """Who it says that it is, and the fingerprint of what it shows. Who shows nothing is looked up like anybody."""
    client_id, shown = ("", "") if asked.shown is None else (asked.shown.client_id, asked.shown.secret.reveal())
    return await clients.find(services.db, client_id), secret.fingerprint(services.pepper, shown)


async def _found(asked: Asked, services: Services) -> Found:
    """What a request for a token is decided over. A token for a person is good where they said so."""
    client, mark = await _client(asked, services)
    db, form, allowed, following, device = services.db, asked.form, None, None, None
    if form["grant_type"] == AuthorizationCode.GRANT_TYPE:
        allowed = await store.by_code(db, client, _mark(services, form.get("code")))
    elif form["grant_type"] == Refresh.GRANT_TYPE:
        text = form.get("refresh_token", "")
        allowed = await store.by_refresh(db, client, _mark(services, text))
        following = secret.follow(secret.derive(services.pepper, SUCCESSION), text) if allowed else None
    elif form["grant_type"] == DeviceCode.GRANT_TYPE:
        device = await devices.asking(db, client, _mark(services, form.get("device_code")))
        allowed = device.allowed if device else None
    resource, found = form.get("resource"), allowed or device
    place = found.place if found and resource is None else None
    workspace = place or await clients.workspace(db, client, services.base_url, resource)
    signing = await signed.prepared(services, client, allowed)
    return Found(client, mark, workspace, allowed, following, signing=signing, device=device)


async def _written(asked: Asked, services: Services, deciding: Server, issued: Issued) -> Answer | None:
    """Write down what was decided; a refusal when somebody was first, or what it rests on has gone meanwhile."""
    db, pepper, allowed = services.db, services.pepper, deciding.found.allowed
    try:
        if allowed is None:
            await tokens.issue(db, pepper, issued.access, issued.purpose)
            return None
        following = _mark(services, issued.refresh.reveal() if issued.refresh else None)
        await world.follow(db, issued.purpose.workspace)
        async with db.system.write(None) as tx:
            if asked.form["grant_type"] == Refresh.GRANT_TYPE:
                first = await store.rotate(tx, allowed, _mark(services, asked.form["refresh_token"]), following)
            elif device := deciding.found.device:
                first = await devices.redeem(tx, device.id)
                if first:
                    await store.follow(tx, allowed, following, clock.host())
            else:
                first = await store.redeem(tx, allowed, following)
            if first:
                await tokens.add(tx, pepper, issued.access, issued.purpose)
    except Conflict:
        return server.refusal(InvalidClientError() if allowed is None else InvalidGrantError())
    if first:
        return None
    _note_reuse(services, deciding)
    return server.refusal(InvalidGrantError())


def _note_reuse(services: Services, deciding: Server) -> None:
    """Something was shown twice, so a grant has ended: its tokens open nothing from now on."""
    services.doorkeeper.forget_all()
    allowed = deciding.found.allowed
    _log.warning("reuse", grant=allowed.id if allowed else None, client=deciding.found.client.id)


def _mark(services: Services, text: str | None) -> bytes:
    return secret.fingerprint(services.pepper, text or "")


async def _of_token(asked: Asked, services: Services) -> Server:
    client, mark = await _client(asked, services)
    text = asked.form.get("token", "")
    held: tokens.Token | Allowed | None
    if secret.kind(text) == store.KIND:
        held = await store.by_refresh(services.db, client, _mark(services, text))
    else:
        held = await tokens.find(services.db, _mark(services, text))
    return Server(Found(client, mark, held=held), services.base_url)


async def _too_many(deciding: Server, asked: Asked, services: Services) -> Answer | None:
    """Of a client without a secret its addresses are counted apart: anybody can say that they are it."""
    if deciding.client is None:
        return None
    apart = f" {asked.address}" if asked.shown and asked.shown.method == NONE else ""
    wait = await services.limits.spend_address(EACH_CLIENT, deciding.client.id + apart)
    return later(429, wait) if wait else None


_DECIDES = {
    metadata.TOKEN: token,
    metadata.DEVICE: begin_device,
    metadata.REVOKE: revoke,
    metadata.INTROSPECT: introspect,
}
DOORS = frozenset({*_DECIDES, metadata.REGISTER})
"""They refuse in the words of RFC 6749, whoever it is."""


def routes(base_url: str) -> list[Route]:
    """What stands outside the versioned API."""
    document = metadata.document(base_url)

    async def show(_: Request) -> Response:
        return JSONResponse(document, headers={"Cache-Control": "public, max-age=3600"})

    return [
        Route(metadata.PATH, show),
        *jwks.routes,
        *discovery.routes(base_url),
        *authorize.routes,
        *permissions.routes,
        *device_pages.routes,
        *(Route(path, Endpoint(decide)) for path, decide in _DECIDES.items()),
        Route(metadata.REGISTER, Endpoint(registration.register, registration.read)),
    ]
