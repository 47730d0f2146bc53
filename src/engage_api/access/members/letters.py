"""The mail of an invitation, written and sent by a durable job that knows nothing but which invitation it is."""

import re
import unicodedata
from datetime import timedelta

from pydantic import BaseModel

from engage_api.access.accounts.mail import Mail, Post, Undelivered
from engage_api.access.members import addresses
from engage_api.access.members.roles import MEANING
from engage_api.db.engine import Database, Transaction
from engage_api.jobs import Job, enqueue
from engage_api.jobs.limits import Backoff
from engage_api.jobs.registry import Later, Registry

KIND = "member.invitation"
LONGEST = 80  # characters of a name in a mail
_ADDRESS = re.compile(r"://|[^\s.。][.。][^\W\d_][^\s.。,;:)]|(\d+[.。]){3}\d")
"""In a word: an address, a host with a name, or one with a number. Programs that show mails make links of them."""

_TEXT = """Hello,

"{inviter}" invites you to the organization "{organization}" at
{base}

You would be its {role}: {meaning}.

Sign in or sign up there with this address, and accept on this page by {until}:

{base}/account/invitations/{invitation}

If you do not know them, do nothing.
"""


class Wanted(BaseModel):
    """Which invitation."""

    invitation: str


async def ask(tx: Transaction, invitation: str) -> None:
    """Promise the mail in the caller's transaction."""
    await enqueue(tx, KIND, Wanted(invitation=invitation))


class Writer:
    """Does the jobs of one process, which knows its own address and way out."""

    def __init__(self, post: Post | None, base_url: str) -> None:
        self._post = post
        self._base = base_url

    def joined(self, others: Registry) -> Registry:
        """These kinds of jobs, and the mails of invitations."""
        found = Registry()
        found.kinds |= others.kinds
        found.schedules |= others.schedules
        slower = Backoff(first=timedelta(seconds=5), longest=timedelta(minutes=15))
        found.job(KIND, payload=Wanted, max_attempts=8, deadline=timedelta(minutes=1), backoff=slower)(self.deliver)
        return found

    async def deliver(self, db: Database, job: Job[Wanted]) -> None:
        """Write one mail and hand it in; nothing when the invitation has ended."""
        found = await addresses.one(db, job.payload.invitation)
        if found is None:
            return
        if self._post is None:
            raise Later("there is no mail server: set ENGAGE_SMTP_URL")
        invitation = found.invitation
        text = _TEXT.format(
            inviter=plain(invitation.invited_by),
            organization=plain(found.organization.name),
            base=self._base,
            role=invitation.role,
            meaning=MEANING[invitation.role],
            until=f"{invitation.expires_at:%d %B %Y, %H:%M} UTC",
            invitation=invitation.id,
        )
        try:
            await self._post.send(Mail(found.email, "You are invited to an organization", text))
        except Undelivered as error:
            raise Later(str(error)) from None


def plain(name: str) -> str:
    """A name on one line, of bounded length and without addresses: it is somebody's own text, in a mail of ours."""
    words = "".join(letter if letter.isprintable() else " " for letter in name).split()
    told = " ".join("…" if _ADDRESS.search(unicodedata.normalize("NFKC", word)) else word for word in words)
    return told if len(told) <= LONGEST else f"{told[:LONGEST]}…"
