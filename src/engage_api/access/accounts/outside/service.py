"""The rules for signing in elsewhere: whose account it opens, and when it makes one.

An e-mail address says who somebody is only if the provider has verified it, and even then it opens no account that has
its person: who owns that account connects it, after signing in to it. So nobody gets into an account through a
provider that was wrong, nor through an address that has changed hands.
"""

import base64
import hmac
import secrets
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

import structlog

from engage_api.access.accounts import emails, letters
from engage_api.access.accounts import store as accounts_store
from engage_api.access.accounts.models import Account, Visitor
from engage_api.access.accounts.outside import store
from engage_api.access.accounts.outside.identity import Identity, Untrusted
from engage_api.access.accounts.outside.refusals import (
    Away,
    Connected,
    NeedsPassword,
    NoAddress,
    NotSignedIn,
    NotYourPassword,
    Taken,
)
from engage_api.access.accounts.refusals import Gone, Nothing, Refusal
from engage_api.access.accounts.service import Accounts
from engage_api.core import clock
from engage_api.core.secret import derive
from engage_api.db.engine import Transaction
from engage_api.db.errors import Conflict

if TYPE_CHECKING:
    from engage_api.access.accounts.outside.provider import Provider

HOLDS = timedelta(minutes=10)  # somebody may take so long at the provider
LONGEST_CODE = 2_048  # characters
LONGEST_NAME = 100  # characters, as on the page to sign up

_log = structlog.get_logger("engage.accounts")


class Back(NamedTuple):
    """Somebody came back: the cookie of their new session, or none when they have connected, and where they go on."""

    cookie: str | None
    path: str


class Connection(NamedTuple):
    """What the account page shows: the provider's name, since when the account is connected with one there, and whether
    that is its only way in.
    """

    name: str
    since: datetime | None
    alone: bool


async def begin(accounts: Accounts, cookie: str, wanted: str, account: Account | None = None) -> str:
    """Where to send somebody, whose browser has this cookie; `account`: to connect it, not to sign in.

    Raises:
        Nothing: no provider is named.
        Away: it cannot be asked.
    """
    provider = _provider(accounts)
    state = secrets.token_urlsafe(32)
    try:
        address = await provider.address(state, *_derived(accounts, state))
    except Untrusted as error:
        raise _told(error, Away()) from None
    values = {
        "fingerprint": accounts.mark(state),
        "browser": accounts.mark(cookie),
        "account_id": account.id if account else None,
        "wanted": wanted,
        "expires_at": clock.host() + HOLDS,
    }
    async with accounts.db.system.write(None) as tx:
        await store.add_attempt(tx, values)
    return address


async def require_password(accounts: Accounts, account: Account, password: str) -> None:
    """A session alone connects nothing: it may be all that somebody has stolen, and this would be there to stay.

    Raises:
        NotYourPassword: it is none, or another.
    """
    if not await accounts.is_password(account, password):
        raise NotYourPassword


async def finish(accounts: Accounts, given: Mapping[str, str], cookies: Mapping[str, str], visitor: Visitor) -> Back:
    """Let in who came back with these parameters, in a browser with these cookies.

    Raises:
        Gone: nobody has gone with this state, not in this browser, or they have been back.
        Refusal: as above.
    """
    provider = _provider(accounts)
    attempt = await _claimed(accounts, given.get("state", ""), cookies.values())
    code = given.get("code", "")
    try:
        await provider.refuse_other(given.get("iss"))
        if "error" in given or not 0 < len(code) <= LONGEST_CODE:
            raise Untrusted("the provider says no, or there is no code")
        identity = await provider.identify(code, *_derived(accounts, given["state"]))
    except Untrusted as error:
        raise _told(error, NotSignedIn()) from None
    if attempt.account_id is not None:
        await _connect(accounts, identity, attempt.account_id, cookies.get("session", ""))
        return Back(None, attempt.wanted)
    return Back(await _enter(accounts, identity, visitor, cookies.get("session", "")), attempt.wanted)


async def connection(accounts: Accounts, account: Account) -> Connection | None:
    """How the account is connected; None where no provider is named."""
    if accounts.outside is None:
        return None
    row = await store.linked(accounts.db, accounts.outside.issuer, account.id)
    return Connection(accounts.outside.name, row and row.linked_at, row is not None and not row.password)


async def disconnect(accounts: Accounts, account: Account) -> None:
    """End the connection.

    Raises:
        NeedsPassword: there is no other way in.
        Nothing: there is no connection.
    """
    issuer = _provider(accounts).issuer
    found = await connection(accounts, account)
    if found is not None and found.alone:
        raise NeedsPassword
    async with accounts.db.system.write(None) as tx:
        if not await store.unlink(tx, issuer, account.id):
            raise Nothing


def _provider(accounts: Accounts) -> "Provider":
    if accounts.outside is None:
        raise Nothing
    return accounts.outside


def _derived(accounts: Accounts, state: str) -> tuple[str, str]:
    """The nonce and the code verifier that go with a state: 256 bits each that only this service can tell, so nothing
    of them has to be kept.
    """
    nonce, verifier = (derive(accounts.pepper, f"outside-{what} {state}") for what in ("nonce", "verifier"))
    return _text(nonce), _text(verifier)


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


async def _claimed(accounts: Accounts, state: str, cookies: Iterable[str]) -> Any:
    """The attempt of this state. Another browser cannot use it up."""
    mark = accounts.mark(state)
    row = await store.attempt(accounts.db, mark)
    marks = [accounts.mark(cookie) for cookie in cookies if cookie]
    if row is None or not any(hmac.compare_digest(row.browser, known) for known in marks):
        raise Gone
    async with accounts.db.system.write(None) as tx:
        if not await store.claim(tx, mark):
            raise Gone
    return row


async def _connect(accounts: Accounts, identity: Identity, account_id: str, session: str) -> None:
    """Connect an account with an identity, if its person is still signed in; they are told by mail."""
    account = await accounts.who(session)
    if account is None or account.id != account_id:
        raise Gone
    try:
        async with accounts.db.system.write(None) as tx:
            if not await accounts_store.hold(tx, account.session):  # a new password was set just now
                raise Gone
            row = await store.whose(tx, identity.issuer, identity.subject)
            if row is None:
                await store.link(tx, identity.issuer, identity.subject, account_id)
                if accounts.post is not None:  # else nobody is written to
                    await letters.ask(tx, "connected", account.email.lower())
    except Conflict:
        raise Connected from None
    if row is not None and row.id != account_id:
        raise Connected


async def _enter(accounts: Accounts, identity: Identity, visitor: Visitor, before: str) -> str:
    """The cookie of a new session of the account that this identity opens."""
    try:
        return await _entered(accounts, identity, visitor, before)
    except (Conflict, Taken):  # perhaps they came back in two windows at once, and the other was first
        return await _entered(accounts, identity, visitor, before)


async def _entered(accounts: Accounts, identity: Identity, visitor: Visitor, before: str) -> str:
    async with accounts.db.system.write(None) as tx:
        row = await store.whose(tx, identity.issuer, identity.subject) or await _new(tx, identity)
        if not await accounts_store.enter(tx, row, None):  # disabled, or its password was changed just now
            raise NotSignedIn
        await accounts_store.end_marked(tx, [accounts.mark(before)] if before else [])
        return await accounts.begin(tx, row.id, visitor)


async def _new(tx: Transaction, identity: Identity) -> Any:
    """The account of somebody who has not been here before."""
    email = emails.read(identity.email)
    if email is None:
        raise NoAddress
    name = "".join(letter for letter in identity.name if letter.isprintable()).strip()[:LONGEST_NAME]
    row = await store.adopt(tx, email, name or email.typed.partition("@")[0])
    if row is None:
        raise Taken
    await accounts_store.drop_tokens(tx, row.id)  # the links of a sign-up that may have been somebody else's
    await store.link(tx, identity.issuer, identity.subject, row.id)
    return row


def _told(error: Untrusted, refusal: Refusal) -> Refusal:
    """The operator learns why, the person only that."""
    _log.warning("sign-in elsewhere refused", reason=str(error))
    return refusal
