"""The mail of an invitation, written and sent by a durable job that knows nothing but which invitation it is."""

import re
import unicodedata

from pydantic import BaseModel

from engage_api.access.accounts import mailing
from engage_api.access.accounts.mail import Mail
from engage_api.access.members import addresses
from engage_api.access.members.roles import MEANING
from engage_api.db.engine import Database, Transaction
from engage_api.jobs import enqueue

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


class Writer(mailing.Writer):
    """Writes the mails of invitations."""

    kind = KIND
    payload = Wanted

    async def write(self, db: Database, wanted: Wanted) -> Mail | None:
        """Nothing when the invitation has ended."""
        found = await addresses.one(db, wanted.invitation)
        if found is None:
            return None
        invitation = found.invitation
        text = _TEXT.format(
            inviter=plain(invitation.invited_by),
            organization=plain(found.organization.name),
            base=self._base,
            role=invitation.role,
            meaning=MEANING[invitation.role],
            until=mailing.in_words(invitation.expires_at),
            invitation=invitation.id,
        )
        return Mail(found.email, "You are invited to an organization", text)


def plain(name: str) -> str:
    """A name on one line, of bounded length and without addresses: it is somebody's own text, in a mail of ours."""
    words = "".join(letter if letter.isprintable() else " " for letter in name).split()
    told = " ".join("…" if _ADDRESS.search(unicodedata.normalize("NFKC", word)) else word for word in words)
    return told if len(told) <= LONGEST else f"{told[:LONGEST]}…"
