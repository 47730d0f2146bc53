"""The pages of an organization's applications: their scopes and redirect URIs, their keys and their secrets."""

from typing import Any

from starlette.responses import Response

from engage_api.access import keys, worlds
from engage_api.access.accounts import pages
from engage_api.access.applications import secrets, service
from engage_api.access.applications.models import OPERATOR, Application, ApplicationCreate, ApplicationUpdate
from engage_api.access.applications.secret_models import CLIENT_SECRET, ClientSecretCreate
from engage_api.access.members import once
from engage_api.access.members.desk import HOME, Desk, Form, done, mistakes, seen, validated
from engage_api.access.members.refusals import NoSandbox, NotYours
from engage_api.access.models import API_KEY, ApiKey, ApiKeyCreate, KeyRotation
from engage_api.access.worlds import LIVE
from engage_api.core import clock
from engage_api.core.principal import Principal
from engage_api.core.problem import InvalidRequest, NotFound
from engage_api.core.scopes import Scope
from engage_api.core.secret import Secret
from engage_api.db import reader

FIRST = ("customers", "cases", "offers", "events", "api-keys")
"""What a first request may ask for, each with the scope `…:read` of its name; keys have theirs as `keys`."""


async def see_new(desk: Desk) -> Response:
    """The form for a new application."""
    desk.require(Scope.APPLICATIONS_WRITE)
    return _form(desk)


async def create(desk: Desk, form: Form) -> Response:
    """Make an application of the organization."""
    try:
        wanted = validated(ApplicationCreate, _fields(form) | {"clientType": form.get("clientType", "")})
    except InvalidRequest as wrong:
        return _form(desk, form, mistakes(wrong))
    async with desk.write() as tx:
        made = await service.create(tx, desk.who, wanted)
    return pages.go(f"{desk.path}/applications/{made.model.id}?said=made")


async def see_edit(desk: Desk) -> Response:
    """The form to change one."""
    desk.require(Scope.APPLICATIONS_WRITE)
    application = await desk.application()
    values = {
        "name": application.name,
        "scopes": application.scopes,
        "redirect_uris": "\n".join(application.redirect_uris),
        "token_format": application.access_token_format,
    }
    return _form(desk, application=application, values=values)


async def edit(desk: Desk, form: Form) -> Response:
    """Change its name, its scopes and its redirect URIs."""
    application = await desk.application()
    try:
        patch = validated(ApplicationUpdate, _fields(form))
    except InvalidRequest as wrong:
        return _form(desk, form, mistakes(wrong), application=application)
    async with desk.write() as tx:
        await service.change(tx, desk.who, application.id, patch, "*")
    desk.services.doorkeeper.forget_all()
    return pages.go(f"{desk.path}/applications/{application.id}?said=changed")


def _fields(form: Form) -> dict[str, Any]:
    scopes = [scope.value for scope in Scope if f"scope {scope.value}" in form]
    lines = [line.strip() for line in form.get("redirectUris", "").splitlines()]
    given = {"name": form.get("name", ""), "scopes": scopes, "redirectUris": [line for line in lines if line]}
    return given | {name: form[name] for name in ("accessTokenFormat",) if name in form}


def _form(
    desk: Desk,
    form: Form | None = None,
    errors: dict[str, list[str]] | None = None,
    application: Application | None = None,
    values: dict[str, Any] | None = None,
) -> Response:
    sent = form or {}
    given = values or {
        "name": sent.get("name", ""),
        "scopes": _fields(sent)["scopes"],
        "client_type": sent.get("clientType", ""),
        "redirect_uris": sent.get("redirectUris", ""),
        "token_format": sent.get("accessTokenFormat", ""),
    }
    internal = desk.seat.organization.kind == "internal"
    offered = [scope for scope in Scope if internal or not scope.administers]
    at = f"{application.id}/edit" if application else "new"
    return desk.show(
        "application-form.html",
        status=400 if errors else 200,
        errors=errors or {},
        application=application,
        values=given,
        offered=offered,
        action=f"{desk.path}/applications/{at}",
    )


async def see_application(desk: Desk) -> Response:
    """What it is, its keys in the default sandbox, and its client secrets."""
    return await _application(desk, await desk.application())


async def _application(desk: Desk, application: Application, **more: Any) -> Response:
    sandbox = await worlds.sandbox(desk.db, desk.seat.organization.id)
    found = await desk.all(API_KEY, desk.seat.through(application, sandbox)) if sandbox else []
    lives = application.state != "revoked" and application.id != OPERATOR
    given = {
        "application": application,
        "here": f"{desk.path}/applications/{application.id}",
        "keys": [key for key in found if key.application_id == application.id],
        "secrets": await desk.all(CLIENT_SECRET, application_id=application.id),
        "changes": lives and desk.may(Scope.APPLICATIONS_WRITE),
        "issues_keys": lives and bool(sandbox) and desk.may(Scope.KEYS_WRITE),
        "values": {"name": ""},
        "once": once.new(),
        "now": clock.business(sandbox or LIVE),
    }
    return desk.show("application.html", **given | more)


async def change_keys(desk: Desk, form: Form) -> Response:
    """Make a key, rotate one, or revoke one: as the person, through the application, in the default sandbox."""
    application = await desk.application()
    who = await _through(desk, application)
    if revoked := form.get("revoke"):
        key = await _own(desk, who, revoked)
        if "sure" not in form:
            text = f"{key.hint} ends at once and for good: whoever uses it gets no answer any more."
            return desk.ask(form, f"Revoke the key {key.name}?", text, "Revoke")
        async with desk.write(who.workspace) as tx:
            await keys.revoke(tx, who, revoked)
        desk.services.doorkeeper.forget(revoked)
        return pages.go(f"{desk.path}/applications/{application.id}?said=key-ended")
    if rotated := form.get("rotate"):
        old = await _own(desk, who, rotated)
        async with desk.write(who.workspace) as tx:
            await once.use_up(tx, who, form)
            _, made = await keys.rotate(tx, who, desk.services.pepper, rotated, KeyRotation())
        desk.services.doorkeeper.forget(rotated)
        return _key_shown(desk, application, who, made, old.hint)
    try:
        wanted = validated(ApiKeyCreate, {"name": form.get("name", ""), "scopes": sorted(who.scopes)})
    except InvalidRequest as wrong:
        return await _application(desk, application, status=400, errors=mistakes(wrong))
    async with desk.write(who.workspace) as tx:
        await once.use_up(tx, who, form)
        _, made = await keys.create(tx, who, desk.services.pepper, wanted)
    return _key_shown(desk, application, who, made)


async def _through(desk: Desk, application: Application) -> Principal:
    sandbox = await worlds.sandbox(desk.db, desk.seat.organization.id)
    if sandbox is None or application.id == OPERATOR:
        raise NoSandbox
    if application.state == "revoked":
        raise service.ApplicationRevoked
    who = desk.seat.through(application, sandbox)
    if not who.scopes:
        raise NotYours
    return who


async def _own(desk: Desk, who: Principal, key_id: str) -> ApiKey:
    """The key. One of another application of the organization has that one's page."""
    document = await reader.document(desk.db, who, API_KEY, key_id)
    key = API_KEY.read(document) if document is not None else None
    if key is None or key.application_id != who.application:
        raise NotFound
    return key


def _key_shown(desk: Desk, application: Application, who: Principal, made: Secret, old: str = "") -> Response:
    base, text = desk.services.base_url, made.reveal()
    first = next((name for name in FIRST if f"{name.removeprefix('api-')}:read" in who.scopes), None)
    return desk.show(
        "shown-once.html",
        application=application,
        here=f"{desk.path}/applications/{application.id}",
        title="Your new key",
        label="The key",
        secret=text,
        old=old,
        client_id="",
        words="Its first request",
        command=f'curl -H "Authorization: Bearer {text}" \\\n  {base}/v1/{first}' if first else "",
    )


async def change_secrets(desk: Desk, form: Form) -> Response:
    """Make a client secret, or delete one."""
    application = await desk.application()
    if deleted := form.get("delete"):
        if "sure" not in form:
            text = "It ends at once and for good, and so do the tokens that were issued for it."
            return desk.ask(form, "Delete this client secret?", text, "Delete")
        async with desk.write() as tx:
            await secrets.delete(tx, desk.who, application.id, deleted)
        desk.services.doorkeeper.forget_all()
        return pages.go(f"{desk.path}/applications/{application.id}?said=secret-ended")
    wanted = validated(ClientSecretCreate, {"environment": form.get("environment", "")})
    async with desk.write() as tx:
        await once.use_up(tx, desk.who, form)
        _, made = await secrets.create(tx, desk.who, desk.services.pepper, application.id, wanted)
    live = wanted.environment == "live"
    client_id, text = application.live_client_id if live else application.test_client_id, made.reveal()
    token = f"{desk.services.base_url}/oauth/token"
    return desk.show(
        "shown-once.html",
        application=application,
        here=f"{desk.path}/applications/{application.id}",
        title="Your new client secret",
        label="The client secret",
        secret=text,
        old="",
        client_id=client_id,
        words="A token for it",
        command=f'curl -u "{client_id}:{text}" \\\n  -d grant_type=client_credentials {token}',
    )


_ALL = f"{HOME}/{{organization}}/applications"
_ONE = f"{_ALL}/{{application}}"
routes = [
    pages.route(f"{_ALL}/new", seen(see_new), done(Scope.APPLICATIONS_WRITE, create)),
    pages.route(_ONE, seen(see_application), None),
    pages.route(f"{_ONE}/edit", seen(see_edit), done(Scope.APPLICATIONS_WRITE, edit)),
    pages.route(f"{_ONE}/keys", None, done(Scope.KEYS_WRITE, change_keys)),
    pages.route(f"{_ONE}/secrets", None, done(Scope.APPLICATIONS_WRITE, change_secrets)),
]
"""Applications, their keys and their secrets."""
