"""Every operation of the API with what the guard knows of it, for the description, the start-up check and tests."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute, iter_route_contexts

from engage_api.core.scopes import OF_LIVE, Scope

PUBLIC = frozenset({"list_scenarios", "report_leaked_api_key"})
"""The operations that need no credential. Everything else has a guard, or the service does not start."""

WELCOME = frozenset({"create_sandbox"})
"""The operations that need a credential of nobody, and do more for whoever shows one that has the scope."""

EVENT_STREAM = "text/event-stream"


@runtime_checkable
class Scoped(Protocol):
    """A dependency that lets in who has a scope (`access.guard.Guard`)."""

    scope: Scope


NOWHERE = ("/events", "/sessions", "/secrets", "-deliveries", "/resends", "/{endpoint_id}/replays", "/_simulate")
"""Ends of paths that make something which is not read at an address of its own."""
ROOMLESS = ("/sessions", "-deliveries", "/resends", "/replays")
"""Ends of paths that make something which is neither a resource nor in the log."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One method on one path.

    `acts`: it brings a resource into another state. `problems`: the codes that are its own. `streams`: its answer has
    no end, and is no list.
    """

    path: str
    method: str
    name: str
    scope: Scope | None
    has_body: bool
    shows_one: bool
    problems: tuple[str, ...]
    streams: bool = False

    @property
    def security(self) -> list[dict[str, list[str]]]:
        """What it asks for, as the description says it."""
        one = [{"bearer": [self.scope.value]}] if self.scope else []
        return [*one, {}] if self.name in WELCOME else one

    @property
    def needs(self) -> str:
        """The same in words, where it asks for something."""
        return f"Scope: `{self.scope}`{', or no credential at all' if self.name in WELCOME else ''}."

    @property
    def acts(self) -> bool:
        """Whether it brings a resource into another state."""
        return self.path.endswith("/transitions")

    @property
    def lists(self) -> bool:
        """Whether it answers a page of a list."""
        return self.method == "get" and not self.shows_one and not self.streams and not self.files

    @property
    def idempotent(self) -> bool:
        """Whether it takes an idempotency key."""
        return self.method == "post" and self.scope is not None and not self.files

    @property
    def files(self) -> bool:
        """Whether it takes or answers a file, which nobody keeps to compare."""
        return self.path.endswith(("/export", "/imports"))

    @property
    def preconditioned(self) -> bool:
        """Whether it demands `If-Match`: a change of what more than one party may edit."""
        unedited = self._of_credentials or self._of_invitations or self._of_trying
        return self.method in ("patch", "delete") and not unedited

    @property
    def upserts(self) -> bool:
        """Whether it makes what is not there, or replaces it on a condition."""
        return self.method == "put" and not self._of_trying

    @property
    def names_external_id(self) -> bool:
        """Whether it writes an external id, which may be taken."""
        none = self._of_credentials or self._of_people or self._of_sending or self.path == "/events"
        return self.has_body and not (self.acts or none or self.path.startswith("/sandboxes"))

    @property
    def writes_inside(self) -> bool:
        """Whether it writes in the workspace of its caller, which may be a sandbox; what is done to sandboxes
        themselves says for itself what comes of that.
        """
        inside = self.scope is not None and self.scope not in OF_LIVE and not self.path.startswith("/sandboxes")
        return inside and self.method != "get"

    @property
    def makes_more(self) -> bool:
        """Whether what it writes there takes room: it is a resource, or told by the log."""
        return self.writes_inside and not self.path.endswith(ROOMLESS)

    @property
    def placed(self) -> bool:
        """Whether what it answers has an address of its own, and so an ETag, and a `Location` once it was made."""
        return self.method != "post" or not self.path.endswith(NOWHERE)

    @property
    def _of_people(self) -> bool:
        """Of members and invitations: they have no external id."""
        return self.path.startswith("/members") or self._of_invitations

    @property
    def _of_invitations(self) -> bool:
        """Nobody edits an invitation."""
        return "invitations" in self.path

    @property
    def _of_sending(self) -> bool:
        """Of deliveries and of what is sent again: nobody gives them an external id."""
        return self.path.endswith(("-deliveries", "/replays"))

    @property
    def _of_trying(self) -> bool:
        """Of what is tried in a sandbox: faults that are set all at once, stories that are played, events made up."""
        return self.path.endswith(("/faults", "/scenario-runs", "/_simulate"))

    @property
    def _of_credentials(self) -> bool:
        """Of keys, secrets, sessions and links: nobody edits them, and they have no external id."""
        return any(part in self.path for part in ("/api-keys", "/secrets", "/sessions", "/account-links"))


def operations(app: FastAPI) -> Iterator[Operation]:
    """All operations that are in the description, included routers and all."""
    for context in iter_route_contexts(app.routes):
        route = context.route
        if isinstance(route, APIRoute) and context.include_in_schema:
            extra = context.openapi_extra or {}
            for method in sorted(context.methods or ()):
                yield Operation(
                    context.path or "",
                    method.lower(),
                    context.operation_id or context.name or "",
                    _scope(context.dependant),
                    context.body_field is not None,
                    _shows_one(context.response_model),
                    tuple(extra.get("x-problems", ())),
                    getattr(route.response_class, "media_type", None) == EVENT_STREAM,
                )


def require_guards(app: FastAPI) -> None:
    """Refuse an application in which somebody forgot a guard.

    Raises:
        RuntimeError: names the operations.
    """
    open_doors = sorted(one.name for one in operations(app) if one.scope is None and one.name not in PUBLIC)
    if open_doors:
        raise RuntimeError(f"operations without a guard: {', '.join(open_doors)}")


def _scope(dependant: Dependant) -> Scope | None:
    calls: list[Any] = [part.call for part in dependant.dependencies]
    return next((call.scope for call in calls if isinstance(call, Scoped)), None)


def _shows_one(model: Any) -> bool:
    return model is not None and "items" not in getattr(model, "model_fields", {})
