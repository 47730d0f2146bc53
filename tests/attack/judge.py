"""Schemathesis over the service, for one role: what it tried, what was answered, and what it holds against us."""

import zlib
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import sleep
from typing import Any

import pytest
import schemathesis
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import Status, events, from_schema
from schemathesis.hooks import GLOBAL_HOOK_DISPATCHER

from engage_api.events.webhooks import service as endpoints
from engage_api.sandbox import portions
from engage_api.sandbox import service as sandboxes
from engage_api.sandbox.copies import service as copies
from tests.attack import jsonl
from tests.attack.bridge import Bridge
from tests.attack.world import World
from tests.jobs.dead import dead_job
from tests.people import add_member

REFUSALS = ["400", "401", "403", "404", "405", "406", "409", "412", "413", "415", "422", "428", "429"]
REASONS = {
    "broken-file": "what an export is: a description says of a file only that it is one",
    "circle": "what stands above a case is not in the request",
    "contradiction": "the path and the body name two ids",
    "idempotency-key-reused": "what the key was used for before is not in the request",
    "invalid-cursor": "a cursor is what we gave, and is sealed",
    "invalid-json": "U+0000 in any string at all, which is said once in words",
    "in-the-future": "it depends on the time of day",
    "internal-only": "the kind of an organization is not in the request",
    "missing": "what one member or parameter, or what is there, wants beside it",
    "not-asked": "what the application asks for is not in the request",
    "moment": "a time in the first or the last year may leave the calendar once it is in UTC",
    "not-applicable": "two members or parameters that do not go together",
    "not-taken": "which types an endpoint takes is not in the request",
    "not-understood": "how a fault is written is told in words",
    "not-yours": "whose organization the caller is of is not in the request",
    "one-of": "two members of which there must be one",
    "outside": "what the caller's own key may do is not in the request",
    "out-of-range": "a length of time: its least and its most are not in its pattern",
    "past": "it depends on the time of day",
    "precondition-required": "`If-Match` is described as optional: a generator of clients fails on a required one",
    "span": "two moments of which one must come first",
    "stale-version": "the version that is there is not in the request",
    "too-deep": "what stands above a case is not in the request",
    "too-long": "a length of time; or a patch that adds to what is there",
    "unknown-operation": "which operations there are is the description's own to say",
    "unknown-type": "which types of events there are is the list's to say, and it grows",
    "unknown-reference": "what is there is not in the request",
    "validity": "two moments of which one must come first",
    "value-error": "the address of a network",
}
"""Codes of refusals that no schema can express, and why not."""
SENT = {"delivery_id"}  # nothing is used up by sending it again
SANDBOX = "/sandboxes/{sandbox_id}"
ENDS = ("DELETE ", "PATCH ", "POST /resets", "POST /restorations")  # PATCH: a lifetime may be over at any moment
GONE = {one.replace(" ", f" {SANDBOX}") for one in ENDS}
FULL = {"tiny", "small", "medium", "large"}
REFERENCES = {"customerId": "customer_id", "parentId": "case_id", "organizationId": "organization_id"}
OTHERWISE = {
    "parameter `If-None-Match` in header": "a tag that is not ours does not match (RFC 9110 section 13.1.2)",
    "Undocumented methods advertised: DELETE, GET\n": "/api-keys/leaked is also the place of a key of that name",
}
"""Parts of what is held against us without being a fault, and why it is none."""


@dataclass
class Verdict:
    """`reached`: the operations that answered 2xx at least once."""

    cases: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    operations: int = 0
    reached: set[str] = field(default_factory=set)
    wrong: list[str] = field(default_factory=list)

    @property
    def share(self) -> float:
        return len(self.reached) / self.operations


def judge(bridge: Bridge, world: World, key: str | None, examples: int = 1, **config: Any) -> Verdict:
    """Everything that Schemathesis tries with this key, on the resources of a world.

    `examples`: of each operation that are made up at random, besides those that follow from the description.
    `config` is Schemathesis's own. Nothing is bounded by time, so that every run tries the same.
    """
    wanted = {
        "seed": 1,
        "continue-on-failure": True,
        "auth": {"openapi": {"bearer": {"bearer": key}}} if key else {},
        "generation": {"max-examples": examples, "deterministic": True, "no-shrink": True, "database": "none"},
        "analysis": {"constants": {"enabled": False}},
        "checks": {"negative_data_rejection": {"expected-statuses": REFUSALS}},
        "request-retries": 0,
        **config,
    }
    settings = SchemathesisConfig.from_dict(wanted)
    schema: Any = schemathesis.openapi.from_asgi("/v1/openapi.json", bridge, config=settings)
    verdict = Verdict(operations=schema.statistic.operations.total)
    with Hooks(bridge, world).registered():
        for event in from_schema(schema).execute():
            _note(verdict, event)
    return verdict


class Hooks:
    """Puts what exists in the place of what was made up: most of the time, so that the rest is tried as well, and
    always until an operation has had it once.
    """

    def __init__(self, bridge: Bridge, world: World) -> None:
        self._bridge = bridge
        self._world = world
        self._served: set[str] = set()

    @contextmanager
    def registered(self) -> Iterator[None]:
        """Schemathesis marks the functions that it is given, so they may not be methods."""

        def before_call(context: Any, case: Any, kwargs: dict[str, Any]) -> None:
            self._put_in(case)

        def filter_failure(context: Any, failure: Any, case: Any, response: Any) -> bool:
            return not _explained(failure, response)

        for hook in (before_call, filter_failure):
            schemathesis.hook(hook)
        try:
            with pytest.MonkeyPatch.context() as patch:
                for module in (endpoints, sandboxes, copies):
                    patch.setattr(module, "MOST", 1_000_000)  # each change is of a new one
                patch.setattr(portions, "AT_ONCE", 60)  # what takes longer is left to a worker, and there is none
                yield
        finally:
            for hook in (before_call, filter_failure):
                GLOBAL_HOOK_DISPATCHER.unregister(hook)

    def _put_in(self, case: Any) -> None:
        _keep_small(case)
        chance = zlib.crc32(repr((case.path_parameters, case.query, case.body)).encode("utf-8", "replace")) % 4
        valid = case.meta is not None and case.meta.generation.mode.value == "positive"
        served = case.operation.label in self._served or not valid
        if not chance and served and not {"key_id", "sandbox_id"} & set(case.path_parameters or ()):  # might be its own
            return
        if valid:
            self._served.add(case.operation.label)
        for name in case.path_parameters or {}:
            if name != "external_id":
                case.path_parameters[name] = self._fresh(name) if self._uses_up(case, name) else self._world.ids[name]
        if case.method != "GET" and "credential_id" in (case.path_parameters or {}):
            case.path_parameters["credential_id"] = self._made(
                *self._world.secret(case.path_parameters["application_id"])
            )
        if case.headers is not None:
            case.headers.pop("Idempotency-Key", None)
            if case.method in {"PATCH", "DELETE"}:
                case.headers["If-Match"] = "*"
        if valid and case.media_type == jsonl.TYPE:
            case.body = jsonl.WHOLE.decode()
        elif isinstance(case.body, dict) and valid:
            self._refer(case.body)

    def _uses_up(self, case: Any, name: str) -> bool:
        """Whether what has this name in the path is another one afterwards."""
        if name == "sandbox_id":
            return case.operation.label in GONE
        return case.method != "GET" and name not in SENT

    def _refer(self, body: dict[str, Any]) -> None:
        for at, name in REFERENCES.items():
            if isinstance(body.get(at), str):
                body[at] = self._world.ids[name]
        for participant in body.get("participants") or ():
            if participant.get("customerId"):
                participant["customerId"] = self._world.ids["customer_id"]
        if str(body.get("type")).startswith("x."):  # a signal
            body["type"] = "x.org_operator.meter.exceeded"
        body.pop("externalId", None)

    def _fresh(self, name: str) -> str:
        """The id of something new, which the call may change or delete."""
        if name == "member_id":
            return self._bridge.do(add_member(self._world.service.db, self._world.ids["organization_id"]))
        if name == "job_id":
            return self._bridge.do(dead_job(self._world.service.db))
        if name == "snapshot_id":
            return self._made(f"/v1/sandboxes/{self._world.ids['sandbox_id']}/snapshots", {})
        return "sec_none" if name == "credential_id" else self._made(*self._world.another(name))

    def _made(self, path: str, body: dict[str, Any]) -> str:
        while (answer := self._bridge.ask("POST", path, body, key=self._world.key)).status == 409:
            sleep(0.25)  # a sandbox may be busy just now with the time that passes in it
        assert answer.status == 201, f"POST {path}: {answer.body!r}"
        return str(answer.json["id"])


def _keep_small(case: Any) -> None:  # a hundred full sandboxes would be filled for minutes
    if case.operation.label == "POST /sandboxes" and isinstance(case.body, dict) and case.body.get("size") in FULL:
        case.body["size"] = "empty"


@schemathesis.serializer(jsonl.TYPE)
def _file(_: Any, value: Any) -> bytes:
    return value if isinstance(value, bytes) else getattr(value, "data", None) or str(value).encode()


def _explained(failure: Any, response: Any) -> bool:
    if any(part in failure.message for part in OTHERWISE):
        return True
    if type(failure).__name__ != "RejectedPositiveData":
        return False
    told = response.json()
    codes = {told["code"], *(fault["code"] for fault in told.get("errors", ()))}
    return bool(codes & REASONS.keys()) or "%00" in response.request.url


def _note(verdict: Verdict, event: Any) -> None:
    if isinstance(event, events.NonFatalError):
        verdict.wrong.append(f"{event.label} {event.phase}: {event.value!r:.400}")
    elif isinstance(event, events.FatalError):
        verdict.wrong.append(repr(event.exception))
    elif isinstance(event, events.ScenarioFinished):
        _note_scenario(verdict, event.recorder)


def _note_scenario(verdict: Verdict, recorder: Any) -> None:
    for at, interaction in recorder.interactions.items():
        if interaction.response is None:
            verdict.wrong.append(f"no answer: {interaction.request.uri}")
            continue
        verdict.cases += 1
        verdict.statuses[interaction.response.status_code] += 1
        if interaction.response.status_code < 300 and at in recorder.cases:
            verdict.reached.add(recorder.cases[at].value.operation.label)
    for at, checks in recorder.checks.items():
        for check in checks:
            if check.status == Status.FAILURE:
                asked, told = recorder.interactions[at].request, recorder.interactions[at].response
                said = f"{check.name}: {check.failure_info.failure.message[:300]}"
                body = (asked.body or b"")[:300]
                shown = f"({told.status_code} {told.content[:300]!r})"
                verdict.wrong.append(f"{asked.method} {asked.uri[:200]} {body!r}: {said} {shown}")
