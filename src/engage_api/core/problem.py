"""Problems: what can go wrong, each with a code, a status and a page in the portal (RFC 9457)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong with the request.

    Exactly one of `pointer` (a JSON Pointer into the body, RFC 6901) and `parameter` (a query parameter or header) is
    set.
    """

    code: str
    detail: str
    pointer: str | None = None
    parameter: str | None = None

    def as_json(self) -> dict[str, str]:
        """What `errors[]` of a problem holds."""
        place = {"pointer": self.pointer} if self.parameter is None else {"parameter": self.parameter}
        return {
            "code": self.code,
            "detail": self.detail,
            **{key: text for key, text in place.items() if text is not None},
        }


class Problem(Exception):
    """Something the caller should know. The docstring of each subclass is its page in the portal.

    Subclasses state `code` (kebab-case, unique), `status` (HTTP) and `title` (a short sentence, never with values in
    it).
    """

    code: ClassVar[str]
    status: ClassVar[int]
    title: ClassVar[str]
    known: ClassVar[dict[str, type["Problem"]]] = {}

    def __init__(
        self,
        detail: str | None = None,
        *,
        errors: Sequence[Fault] = (),
        headers: Mapping[str, str] | None = None,
        more: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(detail or self.title)
        self.detail = detail or self.title
        self.errors = tuple(errors)
        self.headers = dict(headers or {})
        self.more = dict(more or {})

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if Problem.known.setdefault(cls.code, cls).__qualname__ != cls.__qualname__:
            raise TypeError(f"two problems with the code {cls.code}")


class InvalidRequest(Problem):
    """Something in the request does not fit the contract.

    `errors` names everything that is wrong at once: a JSON Pointer for the body, a name for a parameter.
    Mend those places and send the request again. When more than 1,000 places are wrong, they are not listed.
    """

    code, status, title = "invalid-request", 400, "The request is not valid"


class InvalidJson(Problem):
    """The body is not strict JSON.

    Refused: a duplicate name in one object, NaN and Infinity, the character U+0000, half of a surrogate pair,
    nesting deeper than 32, and integers beyond ±2^53.
    """

    code, status, title = "invalid-json", 400, "The body is not strict JSON"


class InvalidCursor(Problem):
    """The cursor cannot be used here.

    A cursor belongs to one workspace, one query and one sort order. Start again without it.
    """

    code, status, title = "invalid-cursor", 400, "The cursor does not belong to this query"


class UnknownReference(Problem):
    """The body names a resource that does not exist, or that you may not see.

    `errors` says which. Make the other resource first, or correct its id.
    """

    code, status, title = "unknown-reference", 400, "The body refers to something that does not exist"


class Unauthenticated(Problem):
    """There is no usable credential in the request.

    Send `Authorization: Bearer` with an API key or an access token. It may be mistyped, revoked, expired, or not
    allowed from your address.
    """

    code, status, title = "unauthenticated", 401, "A valid credential is needed"


class InsufficientScope(Problem):
    """The credential is valid, but it may not do this.

    `requiredScope` names what is missing. Make a key, or ask for a token, that has this scope.
    """

    code, status, title = "insufficient-scope", 403, "The credential lacks a scope"


class NotFound(Problem):
    """There is nothing here, or nothing that you may see.

    What belongs to somebody else is answered in exactly the same way as what never existed.
    """

    code, status, title = "not-found", 404, "Not found"


class MethodNotAllowed(Problem):
    """The path exists, but not with this method. The `Allow` header lists the methods that do."""

    code, status, title = "method-not-allowed", 405, "The method is not allowed here"


class AlreadyExists(Problem):
    """Another resource has this `externalId` already.

    Read it with the `externalId` filter of the list, or use the upsert, which makes or replaces.
    """

    code, status, title = "already-exists", 409, "The external id is taken"


class Changed(Problem):
    """Somebody else changed the resource at the same moment. Read it again and repeat the request."""

    code, status, title = "changed", 409, "The resource was changed meanwhile"


class InvalidTransition(Problem):
    """The resource cannot go from its state to the one asked for. `allowed` lists the states it can go to."""

    code, status, title = "invalid-transition", 409, "This change of state is not possible"


class StillRunning(Problem):
    """A request with the same `Idempotency-Key` has not finished yet. Wait a moment and repeat it unchanged."""

    code, status, title = "still-running", 409, "The first request with this key is still running"


class StaleVersion(Problem):
    """The resource is not as the request says: its `ETag` is not, or no longer, the one in `If-Match`.

    Or there is nothing where `If-Match` names something, or something where `If-None-Match: *` wants nothing. Read it
    again, look at what changed, and repeat your change with the new `ETag`.
    """

    code, status, title = "stale-version", 412, "The precondition does not hold"


class TooSlow(Problem):
    """You do not read the stream of events as fast as it is sent: what was sent before was not taken within 10 seconds.

    It is the last message of the stream, if that could still be sent, and no answer of its own. Connect again with the
    id of the last event that you have: nothing is lost.
    """

    code, status, title = "too-slow", 408, "The stream is not read"


class BodyTooLarge(Problem):
    """The body is larger than this service accepts (1 MiB unless the operator set another bound)."""

    code, status, title = "body-too-large", 413, "The body is too large"


class UnsupportedMediaType(Problem):
    """The body must be `application/json`; a `PATCH` may also be `application/merge-patch+json`.

    No content encoding.
    """

    code, status, title = "unsupported-media-type", 415, "The body must be JSON"


class KeyReused(Problem):
    """This `Idempotency-Key` was used before with another request. Use a new key for every new request."""

    code, status, title = "idempotency-key-reused", 422, "The idempotency key belongs to another request"


class PreconditionRequired(Problem):
    """Several parties may edit this resource, so a change must say which version it is based on.

    Read the resource, and send the `ETag` you got as `If-Match`.
    """

    code, status, title = "precondition-required", 428, "An If-Match header is needed"


class TooManyRequests(Problem):
    """You have used up a limit. `Retry-After` says after how many seconds to try again."""

    code, status, title = "too-many-requests", 429, "Too many requests"


class HeadersTooLarge(Problem):
    """The request line and the headers are larger than 64 KiB, or there are more than 100 headers.

    Send fewer and shorter ones, and long filters one at a time.
    """

    code, status, title = "headers-too-large", 431, "The headers are too large"


class InternalError(Problem):
    """A mistake of ours. The request had no effect; report it with the `instance` of this answer."""

    code, status, title = "internal-error", 500, "Something went wrong on our side"


class NotImplementedHere(Problem):
    """The request uses a part of HTTP that this service does not have. `detail` says which."""

    code, status, title = "not-implemented", 501, "This is not implemented"


class Unavailable(Problem):
    """The service cannot promise your request now, for instance because its database is away.

    A write had no effect unless its `Idempotency-Key` says otherwise: repeat it with the same key after `Retry-After`
    seconds.
    """

    code, status, title = "unavailable", 503, "The service is not available at the moment"
