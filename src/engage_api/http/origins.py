"""Front ends on other origins."""

from collections.abc import Callable
from functools import partial

from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp


def allowed(origins: tuple[str, ...]) -> Callable[[ASGIApp], ASGIApp]:
    """Browsers on these origins may call, without cookies: a credential is always sent by hand."""
    if not origins:
        return lambda app: app
    headers = ["Authorization", "Content-Type", "Idempotency-Key", "If-Match", "If-None-Match", "Last-Event-ID"]
    headers += ["X-Request-Id", "Engage-Fault"]
    shown = ["ETag", "Link", "Location", "RateLimit", "RateLimit-Policy", "Retry-After", "X-Request-Id", "Api-Version"]
    shown += ["Engage-Fault"]
    methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]
    return partial(
        CORSMiddleware, allow_origins=origins, allow_methods=methods, allow_headers=headers, expose_headers=shown
    )
