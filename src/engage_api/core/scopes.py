"""Scopes: what a credential may do, each with a sentence that a person understands."""

from enum import StrEnum
from typing import Self


class Scope(StrEnum):
    """A permission. `sentence` is shown in the portal and when somebody is asked to agree."""

    sentence: str

    def __new__(cls, value: str, sentence: str) -> Self:
        member = str.__new__(cls, value)
        member._value_ = value
        member.sentence = sentence
        return member

    @property
    def administers(self) -> bool:
        """Whether it is for the operator: in the live workspace, and in internal organizations alone."""
        return self.value.startswith("admin:")

    CUSTOMERS_READ = "customers:read", "See customers."
    CUSTOMERS_WRITE = "customers:write", "Make, change and delete customers."
    CUSTOMERS_SESSIONS = "customers:sessions", "Let customers in at a front end, and end their sessions."
    CASES_READ = "cases:read", "See cases and their tasks."
    CASES_WRITE = "cases:write", "Make and change cases and their tasks, and move them to another state."
    OFFERS_READ = "offers:read", "See offers."
    OFFERS_WRITE = "offers:write", "Make, change, publish and retire offers."
    EVENTS_READ = "events:read", "See the log of everything that happened."
    EVENTS_WRITE = "events:write", "Write signals of your own into the log."
    WEBHOOKS_READ = "webhooks:read", "See webhook endpoints and what was sent to them."
    WEBHOOKS_WRITE = "webhooks:write", "Make, change and delete webhook endpoints, and send events again."
    KEYS_READ = "keys:read", "See which API keys exist, never the keys themselves."
    KEYS_WRITE = "keys:write", "Make, rotate and revoke API keys."
    ME_READ = "me:read", "See yourself, as the customer that you are."
    SANDBOX_WRITE = "sandbox:write", "Make sandboxes, look at them, and change, reset and delete them."
    USAGE_READ = "usage:read", "See how often applications call, and how that went."
    ORGANIZATIONS_READ = "organizations:read", "See organizations: your own, or all for internal applications."
    MEMBERS_READ = "members:read", "See the members of organizations and who is invited."
    MEMBERS_WRITE = "members:write", "Invite people, give members another role, and let them go."
    APPLICATIONS_READ = "applications:read", "See applications and which client secrets they have."
    APPLICATIONS_WRITE = "applications:write", "Make and change applications, and make and delete their client secrets."
    ADMIN_ORGANIZATIONS = "admin:organizations", "Make, change, approve and suspend organizations."
    ADMIN_APPLICATIONS = "admin:applications", "Let applications into the live workspace, and revoke them."
    ADMIN_JOBS = "admin:jobs", "See what the service has still to do, and let what failed for good run again."
    OPERATIONS_READ = "operations:read", "See the health figures of the service."


EVERYTHING = frozenset(Scope)
OF_LIVE = frozenset(
    scope for scope in Scope if scope.value.startswith(("admin:", "applications:", "members:", "operations:", "organ"))
)
"""Scopes for what only the live workspace has: parties, people and the service itself."""
