"""What the code says about itself: operations with their words, kinds of resources with their states and events."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from engage_api.access.applications.models import APPLICATION
from engage_api.access.applications.secret_models import CLIENT_SECRET
from engage_api.access.applications.service import TRANSITIONS as OF_APPLICATIONS
from engage_api.access.customer_links.models import ACCOUNT_LINK
from engage_api.access.members.models import INVITATION, MEMBER
from engage_api.access.models import API_KEY
from engage_api.access.organizations.models import ORGANIZATION
from engage_api.access.organizations.service import TRANSITIONS as OF_ORGANIZATIONS
from engage_api.access.sandboxes.models import SANDBOX
from engage_api.app import create_api
from engage_api.cases.models import CASE
from engage_api.cases.service import TRANSITIONS as OF_CASES
from engage_api.cases.tasks.models import TASK
from engage_api.cases.tasks.service import TRANSITIONS as OF_TASKS
from engage_api.customers.models import CUSTOMER
from engage_api.customers.service import TRANSITIONS as OF_CUSTOMERS
from engage_api.db.kind import Kind
from engage_api.events.webhooks.models import WEBHOOK_ENDPOINT
from engage_api.events.webhooks.secret_models import WEBHOOK_SECRET
from engage_api.events.webhooks.service import TRANSITIONS as OF_WEBHOOKS
from engage_api.http import openapi
from engage_api.http.walk import Operation, operations
from engage_api.offers.models import OFFER
from engage_api.offers.service import TRANSITIONS as OF_OFFERS
from engage_api.sandbox.copies.models import SNAPSHOT
from engage_api.sandbox.scenarios.models import SCENARIO_RUN

Machine = Mapping[str, Sequence[str]]

KINDS: tuple[tuple[Kind[Any], str, Machine], ...] = (
    (CUSTOMER, "/customers", OF_CUSTOMERS),
    (ACCOUNT_LINK, "/customers/{customer_id}/account-links", {}),
    (CASE, "/cases", OF_CASES),
    (TASK, "/tasks", OF_TASKS),
    (OFFER, "/offers", OF_OFFERS),
    (API_KEY, "/api-keys", {}),
    (ORGANIZATION, "/organizations", OF_ORGANIZATIONS),
    (MEMBER, "/members", {}),
    (INVITATION, "/invitations", {}),
    (APPLICATION, "/applications", OF_APPLICATIONS),
    (CLIENT_SECRET, "/applications/{application_id}/secrets", {}),
    (WEBHOOK_ENDPOINT, "/webhook-endpoints", OF_WEBHOOKS),
    (WEBHOOK_SECRET, "/webhook-endpoints/{endpoint_id}/secrets", {}),
    (SANDBOX, "/sandboxes", {}),
    (SNAPSHOT, "/sandboxes/{sandbox_id}/snapshots", {}),
    (SCENARIO_RUN, "/sandboxes/{sandbox_id}/scenario-runs", {}),
)
"""Every kind of resource that is written down, the path it lives at, and its state machine."""


@dataclass(frozen=True, slots=True)
class Door:
    """An operation with the words that the description has for it."""

    operation: Operation
    tag: str
    summary: str

    @property
    def anchor(self) -> str:
        """Where the page of all operations tells of it."""
        return f"../operations.md#{self.operation.name.replace('_', '-')}"


@cache
def doors() -> tuple[Door, ...]:
    """All operations, in the order of the description."""
    api = create_api()
    paths = openapi.build(api)["paths"]
    found = []
    for one in operations(api):
        words = paths[one.path][one.method]
        found.append(Door(one, words["tags"][0], words["summary"]))
    return tuple(found)


def events() -> Iterator[tuple[str, str]]:
    """Every event type with a sentence."""
    for kind, _, _ in KINDS:
        yield from kind.events()
