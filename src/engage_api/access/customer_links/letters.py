"""The mail that asks somebody, written and sent by a durable job that knows nothing but which link it is."""

from datetime import timedelta

from pydantic import BaseModel

from engage_api.access.accounts.mail import Mail, Post, Undelivered
from engage_api.access.customer_links import people
from engage_api.access.members.letters import plain
from engage_api.db.engine import Database, Transaction
from engage_api.jobs import Job, enqueue
from engage_api.jobs.limits import Backoff
from engage_api.jobs.registry import Later, Registry

KIND = "customer.link"

_TEXT = """Hello,

"{organization}" knows you as a customer, and asks whether you want to see that with an account at
{base}

Sign in or sign up there with this address, and say yes or no on this page by {until}:

{base}/account/customers

If you do not know them, do nothing.
"""


class Wanted(BaseModel):
    """Which link."""

    workspace: str
    link: str


async def ask(tx: Transaction, workspace: str, link: str) -> None:
    """Promise the mail in the caller's transaction."""
    await enqueue(tx, KIND, Wanted(workspace=workspace, link=link))


class Writer:
    """Does the jobs of one process, which knows its own address and way out."""

    def __init__(self, post: Post | None, base_url: str) -> None:
        self._post = post
        self._base = base_url

    def joined(self, others: Registry) -> Registry:
        """These kinds of jobs, and the mails about links."""
        found = Registry()
        found.kinds |= others.kinds
        found.schedules |= others.schedules
        slower = Backoff(first=timedelta(seconds=5), longest=timedelta(minutes=15))
        found.job(KIND, payload=Wanted, max_attempts=8, deadline=timedelta(minutes=1), backoff=slower)(self.deliver)
        return found

    async def deliver(self, db: Database, job: Job[Wanted]) -> None:
        """Write one mail and hand it in; nothing when the link has ended or somebody has agreed."""
        found = await people.one(db, job.payload.workspace, job.payload.link)
        if found is None or found.link.expires_at is None:
            return
        if self._post is None:
            raise Later("there is no mail server: set ENGAGE_SMTP_URL")
        until = f"{found.link.expires_at:%d %B %Y, %H:%M} UTC"
        text = _TEXT.format(organization=plain(found.organization), base=self._base, until=until)
        try:
            await self._post.send(Mail(found.email, "You are known as a customer", text))
        except Undelivered as error:
            raise Later(str(error)) from None
