"""The mail that asks somebody, written and sent by a durable job that knows nothing but which link it is."""

from pydantic import BaseModel

from engage_api.access.accounts import mailing
from engage_api.access.accounts.mail import Mail
from engage_api.access.customer_links import people
from engage_api.access.members.letters import plain
from engage_api.db.engine import Database, Transaction
from engage_api.jobs import enqueue

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


class Writer(mailing.Writer):
    """Writes the mails about links."""

    kind = KIND
    payload = Wanted

    async def write(self, db: Database, wanted: Wanted) -> Mail | None:
        """Nothing when the link has ended or somebody has agreed."""
        found = await people.one(db, wanted.workspace, wanted.link)
        if found is None or found.link.expires_at is None:
            return None
        until = mailing.in_words(found.link.expires_at)
        text = _TEXT.format(organization=plain(found.organization), base=self._base, until=until)
        return Mail(found.email, "You are known as a customer", text)
