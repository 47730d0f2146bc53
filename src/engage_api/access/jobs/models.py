"""What an operator sees of a job: never its payload, which is what somebody promised to somebody."""

from typing import Literal

from pydantic import Field

from engage_api.core.model import Model, Moment, Reference

State = Literal["queued", "running", "dead"]
KINDS = (
    "account.mail",
    "account.sweep",
    "customer-link.sweep",
    "customer-session.sweep",
    "customer.link",
    "event.sweep",
    "idempotency.sweep",
    "invitation.sweep",
    "job.sweep",
    "member.invitation",
    "oauth.sweep",
    "sandbox.empty",
    "sandbox.expire",
    "sandbox.fork",
    "sandbox.mend",
    "sandbox.play",
    "sandbox.reset",
    "sandbox.restore",
    "sandbox.seed",
    "sandbox.snapshot",
    "sandbox.wipe",
    "usage.sweep",
    "webhook.deliver",
    "webhook.forget",
    "webhook.mail",
    "webhook.notice",
    "webhook.sweep",
)
"""What a worker of this version does. Jobs of another version may be of other kinds."""


class Job(Model):
    """Work that was promised and is not done. One that is done is gone."""

    id: str = Field(examples=["job_01kb0m5xnye0rt2e5v3h4q8zj9"])
    kind: str = Field(description="What is to be done; there may be new ones.", examples=["account.mail"])
    state: State = Field(
        description="`queued`: it waits for its time, or for a worker. `running`: a worker has it. `dead`: every "
        "attempt failed; it runs again when you say so, and is deleted after 30 days."
    )
    workspace_id: Reference | None = Field(
        description="The workspace that it belongs to; null: the service itself.", examples=["live"]
    )
    attempts: int = Field(ge=0, description="How often it was begun.", examples=[3])
    run_at: Moment = Field(description="When it may begin, in the service's own time.")
    lease_until: Moment | None = Field(
        description="Until when it belongs to its worker, who renews that; else null.", examples=[None]
    )
    last_error: str | None = Field(
        description="Why the last attempt failed, in a line.", examples=["the mail server: SMTPConnectError"]
    )
    created_at: Moment = Field(description="When it was promised.")
    died_at: Moment | None = Field(description="When the last attempt failed; null unless it is dead.", examples=[None])
