"""The mails about an account, written and sent by a durable job.

The job holds an address and what the mail is about, never a token: the token is made when the mail is written, and
only its HMAC is stored. So neither a backup nor a dead job opens an account; a mail that is tried again has a new link,
and an earlier one that arrived after all works as well, until one of them is used.

Whether the address has an account is looked up here and not by the request, which thus does the same for all.
"""

import secrets
from datetime import timedelta
from typing import Any, Literal

from pydantic import BaseModel

from engage_api.access.accounts import mailing, store
from engage_api.access.accounts.mail import Mail, Post
from engage_api.access.accounts.models import CONFIRM, RESET
from engage_api.core import clock, secret
from engage_api.db.engine import Database, Transaction
from engage_api.jobs import enqueue

KIND = "account.mail"
HOLDS = {CONFIRM: timedelta(hours=24), RESET: timedelta(hours=1)}

_CONFIRM = """Hello,

somebody, most likely you, has made an account with this address at
{base}

To finish, open this page within 24 hours and enter your password once more:

{base}/account/confirm?token={token}{onward}

If it was not you, do nothing. Without this page the account does not work, and it is deleted after a week.
"""
_KNOWN = """Hello,

somebody, most likely you, tried to make an account with this address at
{base}

You have one already. Sign in:     {base}/account/sign-in
If you do not know the password:   {base}/account/reset

If it was not you, do nothing. Nothing has changed.
"""
_RESET = """Hello,

somebody, most likely you, asked for a new password for this address at
{base}

Choose it on this page within an hour:

{base}/account/reset?token={token}

If it was not you, do nothing. Your password has not changed.
"""
_CONNECTED = """Hello,

your account at
{base}

was connected with an account elsewhere: whoever has that one can sign in with it from now on.

If it was not you, choose a new password; that ends the connection, all sessions and what applications were allowed:

{base}/account/reset
"""
About = Literal["sign-up", "reset", "connected"]


class Wanted(BaseModel):
    """What is to be written, and to whom: the folded address."""

    about: About
    to: str
    onward: str = ""
    """What stands after the token of a link to confirm with: where somebody goes on to."""


async def ask(tx: Transaction, about: About, folded: str, onward: str = "") -> None:
    """Promise a mail in the caller's transaction."""
    await enqueue(tx, KIND, Wanted(about=about, to=folded, onward=onward))


class Writer(mailing.Writer):
    """Writes the mails about accounts."""

    kind = KIND
    payload = Wanted

    def __init__(self, post: Post | None, base_url: str, pepper: bytes) -> None:
        super().__init__(post, base_url)
        self._pepper = pepper

    async def write(self, db: Database, wanted: Wanted) -> Mail | None:
        """Nothing is written to who has no account."""
        account = await store.by_address(db, wanted.to)
        if account is None or account.disabled_at is not None:
            return None
        if wanted.about == "connected":
            return Mail(account.email, "Your account was connected", _CONNECTED.format(base=self._base))
        if wanted.about == "reset":
            return await self._with_link(db, account, RESET, "Choose a new password", _RESET)
        if account.confirmed_at is None:
            text = _CONFIRM.replace("{onward}", wanted.onward)
            return await self._with_link(db, account, CONFIRM, "Confirm your address", text)
        return Mail(account.email, "You have an account already", _KNOWN.format(base=self._base))

    async def _with_link(self, db: Database, account: Any, purpose: str, subject: str, text: str) -> Mail:
        token = secrets.token_urlsafe(32)
        async with db.system.write(None) as tx:
            mark = secret.fingerprint(self._pepper, token)
            await store.add_token(tx, mark, account.id, purpose, clock.host() + HOLDS[purpose])
        return Mail(account.email, subject, text.format(base=self._base, token=token))
