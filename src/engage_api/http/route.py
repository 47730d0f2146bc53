"""How a request reaches its handler: who asks, then path, query and body, each validated once, then the handler.

FastAPI registers the routes, knows their models and writes the description. What it does on every request beside that
(two exit stacks, dependencies solved by recursion, a query model taken apart and put together) costs more than the rest
of a read from the database, so the parameters are filled here, by the same fields. See docs/adr/0005.
"""

from collections.abc import Callable
from typing import Any, ClassVar, NamedTuple
from urllib.parse import parse_qsl

from fastapi import Request
from fastapi.dependencies.models import Dependant
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import BaseModel, ValidationError
from starlette.types import ASGIApp, Receive, Scope, Send

from engage_api.core.problem import BodyTooLarge, Fault, InvalidRequest, UnsupportedMediaType
from engage_api.http.strict import RawJson

MOST_PARAMETERS = 100
HOW = "Send JSON as it is, not encoded, with one header `Content-Type: application/json`."
JSON_TYPES = frozenset({b"application/json", b"application/merge-patch+json"})


class Fields(NamedTuple):
    """The parameters of a handler. `guard` comes first, so nobody learns from an error what they may not see."""

    guard: tuple[str, Callable[[Request], Any]]
    path: list[Any]
    query: tuple[str, type[BaseModel]] | None
    single: list[Any]
    body: Any


class DirectRoute(APIRoute):
    """A FastAPI route that fills its handler's parameters directly."""

    known: ClassVar[set[str]] = set()
    """The names of all operations."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.known.add(self.name)
        self.app = _direct(self.endpoint, _fields(self.dependant), _media_types(self.methods))


def _fields(dependant: Dependant) -> Fields:
    """What stands in the handler's signature.

    Raises:
        TypeError: it has something that this route does not fill.
    """
    ways = (
        dependant.header_params,
        dependant.cookie_params,
        dependant.request_param_name,
        dependant.response_param_name,
    )
    if len(dependant.dependencies) != 1 or any(ways):
        raise TypeError(f"{dependant.call} needs one guard and takes path, query and body beside it")
    [entry] = dependant.dependencies
    single = [field for field in dependant.query_params if not _is_model(field)]
    models = [field for field in dependant.query_params if _is_model(field)]
    query = (models[0].name, models[0].field_info.annotation) if models else None
    body = dependant.body_params[0] if dependant.body_params else None
    return Fields((entry.name or "", entry.call), dependant.path_params, query, single, body)  # type: ignore[arg-type]


def _direct(handler: Callable[..., Any], fields: Fields, media_types: frozenset[bytes]) -> ASGIApp:
    name, guard = fields.guard
    plain = {
        field.name for field in fields.path if field.field_info.annotation is str and not field.field_info.metadata
    }

    optional = fields.body is not None and not fields.body.field_info.is_required()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive, send)
        values = {name: await guard(request)}
        errors: list[Any] = []
        for field in fields.path:
            given = scope["path_params"][field.alias]
            values[field.name] = given if field.name in plain else _valid(field, given, ("path", field.alias), errors)
        if fields.query is not None or fields.single:
            _read_query(fields, scope["query_string"], values, errors)
        if fields.body is not None:
            raw = await _read_body(request, media_types, optional=optional)
            values[fields.body.name] = _valid(fields.body, raw, ("body",), errors)
        if errors:
            raise RequestValidationError(errors)
        response = await handler(**values)
        await response(scope, receive, send)

    return app


def _read_query(fields: Fields, raw: bytes, values: dict[str, Any], errors: list[Any]) -> None:
    given = _pairs(raw)
    if fields.query is not None:
        name, model = fields.query
        try:
            values[name] = model.model_validate(given)
        except ValidationError as error:
            found = error.errors(include_url=False, include_input=False, include_context=False)
            errors += [{**one, "loc": ("query", *one["loc"])} for one in found]
        return
    known = {field.alias for field in fields.single}
    errors += [
        {"loc": ("query", name), "type": "extra_forbidden", "msg": "There is no such parameter"}
        for name in given
        if name not in known
    ]
    for field in fields.single:
        if field.alias in given:
            values[field.name] = _valid(field, given[field.alias], ("query", field.alias), errors)


def _pairs(raw: bytes) -> dict[str, str]:
    """The query's parameters; one that is there twice means two things, so it is refused."""
    if not raw:
        return {}
    try:
        pairs = parse_qsl(raw.decode("latin-1"), keep_blank_values=True, max_num_fields=MOST_PARAMETERS)
    except ValueError:
        raise InvalidRequest("There are too many parameters.") from None
    given = dict(pairs)
    if len(given) != len(pairs):
        twice = sorted({name for name, _ in pairs if sum(name == other for other, _ in pairs) > 1})
        raise InvalidRequest(errors=[Fault("duplicate", "Give it once.", parameter=name[:64]) for name in twice])
    return given


async def _read_body(request: Request, media_types: frozenset[bytes], *, optional: bool) -> RawJson:
    """The whole body, as long as it is no larger than it may be. Where it is optional, none is an empty object.

    Raises:
        UnsupportedMediaType: it is not JSON, says twice what it is, or is encoded.
        BodyTooLarge: it is larger.
    """
    kind, encoding = None, b"identity"
    for name, value in request.scope["headers"]:
        if name == b"content-type":
            if kind is not None:  # a second one: which would be meant?
                raise UnsupportedMediaType(HOW)
            kind, _, more = value.lower().partition(b";")
            kind = kind.strip() if b"charset" not in more or b"utf-8" in more else b""
        elif name == b"content-encoding":
            encoding = value.strip().lower()
    unsaid = optional and kind is None
    if (kind not in media_types and not unsaid) or encoding != b"identity":
        raise UnsupportedMediaType(HOW)
    most, parts, size = request.scope["state"]["max_body_bytes"], [], 0
    async for part in request.stream():
        size += len(part)
        if size > most:
            raise BodyTooLarge
        parts.append(part)
    raw = RawJson(b"".join(parts))
    if unsaid and raw:
        raise UnsupportedMediaType(HOW)
    raw = RawJson(b"{}") if optional and not raw else raw
    request.scope["state"]["body"] = raw
    return raw


def _valid(field: Any, value: Any, place: tuple[str, ...], errors: list[Any]) -> Any:
    valid, found = field.validate(value, {}, loc=place)
    errors += found
    return valid


def _is_model(field: Any) -> bool:
    kind = field.field_info.annotation
    return isinstance(kind, type) and issubclass(kind, BaseModel)


def _media_types(methods: set[str] | None) -> frozenset[bytes]:
    return JSON_TYPES if "PATCH" in (methods or ()) else frozenset({b"application/json"})
