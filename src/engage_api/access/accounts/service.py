"""What people can do with their accounts. No page, no cookie: the rules, and who wins when several come at once.

Whoever asks about an address learns nothing of it: the same work is done for one that is known, unknown, unconfirmed or
disabled, and the answer is the same.
"""

import secrets
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from engage_api.access.accounts import letters, store
from engage_api.access.accounts.emails import Email
from engage_api.access.accounts.mail import Outbox, Post
from engage_api.access.accounts.mail import post as way_out
from engage_api.access.accounts.models import CONFIRM, RESET, Account, Visitor
from engage_api.access.accounts.passwords import Passwords
from engage_api.access.accounts.refusals import Gone
from engage_api.core import clock, ids, secret
from engage_api.core.secret import derive
from engage_api.db.engine import Database, Transaction
from engage_api.settings import Settings

if TYPE_CHECKING:
    from engage_api.access.accounts.outside.provider import Provider

IDLE = timedelta(hours=12)  # a session that nobody used for so long has ended
LONGEST = timedelta(days=30)  # and every one after this
NOTED = timedelta(minutes=5)  # between two notes of when a session was used: not every look at a page is a write
SHOWN = 50  # sessions


class Unfit(Exception):
    """The password will not do; `reasons` say why, in words."""

    def __init__(self, reasons: list[str]) -> None:
        super().__init__("unfit password")
        self.reasons = reasons


@dataclass(frozen=True, slots=True)
class Accounts:
    """The accounts as one process serves them."""

    db: Database
    passwords: Passwords
    post: Post | None
    base_url: str
    pepper: bytes = field(repr=False)
    form_key: bytes = field(repr=False)
    secure: bool
    outside: "Provider | None" = None
    """Where people may sign in besides."""

    @classmethod
    def open(cls, settings: Settings, db: Database) -> "Accounts":
        """With what the settings say. Plain http, and cookies that travel over it, are for development."""
        plain = settings.environment == "development" and settings.base_url.startswith("http://")
        secret_key = settings.secret()
        return cls(
            db,
            Passwords(),
            way_out(settings),
            settings.base_url,
            derive(secret_key, "accounts"),
            derive(secret_key, "account-forms"),
            not plain,
            _provider(settings) if settings.oidc_issuer else None,
        )

    def close(self) -> None:
        """Waits for nothing."""
        self.passwords.close()
        if self.outside is not None:
            self.outside.close()

    @property
    def outbox(self) -> Outbox | None:
        """The mails that went nowhere; in development only."""
        return self.post if isinstance(self.post, Outbox) else None

    async def sign_up(self, email: Email, name: str, password: str, onward: str = "") -> None:
        """Make an account, to be confirmed by mail; `onward` stands after its link. Where there is one, its person is
        told by mail and nobody else.

        Raises:
            Unfit: the password will not do.
        """
        hashed = await self.hashed(password, email, name)
        async with self.db.system.write(None) as tx:
            await store.sign_up(tx, email, name, hashed)
            await letters.ask(tx, "sign-up", email.folded, onward)

    async def hashed(self, password: str, email: Email, name: str) -> str:
        """The hash of a password for somebody with this address and name.

        Raises:
            Unfit: the password will not do.
        """
        await self._require_fit(password, email.folded, name)
        return await self.passwords.hash(password)

    async def opens(self, token: str, purpose: str) -> bool:
        """Whether a link still works. Using it is what counts; this only spares somebody a form for nothing."""
        return await store.of_token(self.db, self.mark(token), purpose) is not None

    async def confirm(self, token: str, password: str, visitor: Visitor) -> str | None:
        """Confirm an address and sign in: the cookie of a new session, or None for a wrong password.

        The password is asked for because anybody can sign up with anybody's address: whoever follows the link of a
        sign-up that was not theirs must not give life to an account whose password somebody else knows.

        Raises:
            Gone: the link does not work any more.
        """
        mark = self.mark(token)
        row = await store.of_token(self.db, mark, CONFIRM)
        right, _ = await self.passwords.verify(password, row.password if row else None)
        if row is None:
            raise Gone
        if not right:
            return None
        async with self.db.system.write(None) as tx:
            if not (await store.claim(tx, mark, CONFIRM) and await store.confirm(tx, row)):
                raise Gone
            await store.drop_tokens(tx, row.id)
            return await self.begin(tx, row.id, visitor)

    async def sign_in(self, email: Email | None, password: str, visitor: Visitor, before: str = "") -> str | None:
        """The cookie of a new session, or None. `before` is the cookie of a session that it takes the place of."""
        row = await store.by_address(self.db, email.folded if email else "")
        right, better = await self.passwords.verify(password, row.password if row else None)
        if not right:
            return None
        async with self.db.system.write(None) as tx:
            if not await store.enter(tx, row, better):  # not confirmed, disabled, or another password by now
                return None
            await store.end_marked(tx, [self.mark(before)] if before else [])
            return await self.begin(tx, row.id, visitor)

    async def ask_reset(self, email: Email) -> None:
        """Send a link to choose a new password with, if there is such an account."""
        async with self.db.system.write(None) as tx:
            await letters.ask(tx, "reset", email.folded)

    async def reset(self, token: str, password: str) -> None:
        """Set a new password. No other link works any more, and whatever else lets anybody in ends (`store.shut_out`).

        Raises:
            Gone: the link does not work any more.
            Unfit: the password will not do; the link still works.
        """
        mark = self.mark(token)
        row = await store.of_token(self.db, mark, RESET)
        if row is None:
            raise Gone
        await self._require_fit(password, row.folded, row.name)
        hashed = await self.passwords.hash(password)
        async with self.db.system.write(None) as tx:
            if not (await store.claim(tx, mark, RESET) and await store.reset(tx, row.id, hashed)):
                raise Gone
            await store.drop_tokens(tx, row.id)
            await store.shut_out(tx, row.id)

    async def is_password(self, account: Account, password: str) -> bool:
        """Whether this is the password of who is signed in."""
        row = await store.by_id(self.db, account.id)
        right, _ = await self.passwords.verify(password, row.password if row else None)
        return right

    async def change_password(self, account: Account, old: str, new: str) -> bool:
        """Set a new password; all other sessions end. False when the old one is wrong.

        Raises:
            Unfit: the new one will not do.
        """
        row = await store.by_id(self.db, account.id)
        right, _ = await self.passwords.verify(old, row.password if row else None)
        if not right:
            return False
        await self._require_fit(new, row.folded, row.name)
        hashed = await self.passwords.hash(new)
        async with self.db.system.write(None) as tx:
            if not await store.replace(tx, row, hashed):
                return False
            await store.drop_tokens(tx, row.id)
            await store.end_sessions(tx, row.id, kept=account.session)
        return True

    async def who(self, cookie: str) -> Account | None:
        """Whose session this is the cookie of."""
        now = clock.host()
        row = await store.who(self.db, self.mark(cookie), now - IDLE)
        if row is None:
            return None
        if row.last_seen_at < now - NOTED:
            async with self.db.system.write(None) as tx:
                await store.seen(tx, row.session, now - NOTED)
        return Account(row.id, row.email, row.name, row.session)

    async def sessions(self, account: Account) -> list[Any]:
        """The sessions of this person, the newest first."""
        return await store.sessions(self.db, account.id, clock.host() - IDLE, SHOWN)

    async def end_session(self, account: Account, session: str) -> bool:
        """End one of this person's sessions. False when there is none like it."""
        async with self.db.system.write(None) as tx:
            return await store.end_session(tx, account.id, session)

    async def end_others(self, account: Account) -> None:
        """End all sessions of this person but the one that asks."""
        async with self.db.system.write(None) as tx:
            await store.end_sessions(tx, account.id, kept=account.session)

    def mark(self, text: str) -> bytes:
        """What is stored of a token or a cookie."""
        return secret.fingerprint(self.pepper, text)

    async def _require_fit(self, password: str, folded: str, name: str) -> None:
        about = [folded, *folded.split("@"), name, "".join(name.split()), *name.split()][:10]
        if reasons := await self.passwords.weakness(password, about):
            raise Unfit(reasons)

    async def begin(self, tx: Transaction, account: str, visitor: Visitor) -> str:
        """A new session, whatever there was before: nobody can have prepared its id."""
        cookie, now = secrets.token_urlsafe(32), clock.host()
        values = {
            "id": ids.new("ses"),
            "fingerprint": self.mark(cookie),
            "account_id": account,
            "created_at": now,
            "last_seen_at": now,
            "expires_at": now + LONGEST,
            "user_agent": visitor.user_agent,
            "address": visitor.address,
        }
        await store.add_session(tx, values)
        return cookie


def _provider(settings: Settings) -> "Provider":
    from engage_api.access.accounts.outside.provider import Provider  # noqa: PLC0415  # most need not wait for it
    from engage_api.http.outbound import Outbound  # noqa: PLC0415  # as above

    return Provider(settings, Outbound(settings))
