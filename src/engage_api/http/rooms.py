"""The two applications behind the envelope, each with one last room for exceptions."""

from typing import Any

from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.middleware.exceptions import ExceptionMiddleware
from starlette.types import ASGIApp


class Api(FastAPI):
    """FastAPI with a shorter way in: the envelope is the last room for exceptions, and routes bound their bodies."""

    def build_middleware_stack(self) -> ASGIApp:
        """Exceptions become problems; nothing else stands between the envelope and the router."""
        handlers: Any = self.exception_handlers
        return ExceptionMiddleware(self.router, handlers=handlers)


class Pages(Starlette):
    """What stands outside the versioned API, with the same last room."""

    def build_middleware_stack(self) -> ASGIApp:
        """Starlette's own last room would answer text, and throw the exception after it."""
        return ExceptionMiddleware(self.router)
