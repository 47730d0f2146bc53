"""The operator at the command line: the first owner of its organization, and who is let in."""

import secrets
from typing import NamedTuple

from engage_api.access import operator
from engage_api.access.accounts import emails, store
from engage_api.access.accounts.letters import HOLDS
from engage_api.access.accounts.models import RESET
from engage_api.access.accounts.service import Accounts, Unfit
from engage_api.access.members import seats, service
from engage_api.access.members.models import MemberUpdate
from engage_api.access.operator import Unknown
from engage_api.access.organizations import service as organizations
from engage_api.access.organizations.models import OPERATOR, ORGANIZATION, OrganizationState
from engage_api.access.worlds import LIVE
from engage_api.core import clock
from engage_api.core.problem import NotFound
from engage_api.db import reader
from engage_api.db.engine import Database


class Owner(NamedTuple):
    """An owner of the operator's organization, and where they choose their password, if they have none."""

    account: str
    email: str
    link: str


async def create_owner(accounts: Accounts, who: str, name: str = "", password: str = "") -> Owner:
    """Make somebody an owner of the operator's organization, with a confirmed account of their own.

    Raises:
        Unknown: it is no address, its account is disabled or has its password already, or the password will not do.
    """
    db, email = accounts.db, emails.read(who)
    if email is None:
        raise Unknown(f"{who!r} is no e-mail address that mail can be sent to")
    row = await store.by_address(db, email.folded)
    new, link = row is None or row.confirmed_at is None, ""
    if row is not None and row.disabled_at is not None:
        raise Unknown(f"the account of {who} is disabled: engage accounts enable {who}")
    if password and not new:
        raise Unknown(f"{who} has a password already: leave it out")
    if new:
        account, link = await _account(accounts, email, name or email.typed.partition("@")[0], password)
    else:
        account = row.id
    await _make_owner(db, account, name or (row.name if row else email.typed.partition("@")[0]))
    return Owner(account, email.typed, link)


async def _account(accounts: Accounts, email: emails.Email, name: str, password: str) -> tuple[str, str]:
    """A new account, or one that nobody had confirmed: whatever password that had is nobody's now."""
    try:
        hashed = await accounts.hashed(password or secrets.token_urlsafe(32), email, name)
    except Unfit as unfit:
        raise Unknown(f"the password will not do: {' '.join(unfit.reasons)}") from None
    async with accounts.db.system.write(None) as tx:
        await store.sign_up(tx, email, name, hashed)
    account = (await store.by_address(accounts.db, email.folded)).id
    token = "" if password else secrets.token_urlsafe(32)
    async with accounts.db.system.write(None) as tx:
        await store.reset(tx, account, hashed)
        await store.drop_tokens(tx, account)
        if token:
            await store.add_token(tx, accounts.mark(token), account, RESET, clock.host() + HOLDS[RESET])
    return account, f"{accounts.base_url}/account/reset?token={token}" if token else ""


async def _make_owner(db: Database, account: str, name: str) -> None:
    who, seat = await operator.principal(db, LIVE), await seats.at(db, account, OPERATOR)
    async with db.write(LIVE) as tx:
        if seat is None:
            await service.join(tx, who, OPERATOR, (account, name), "owner")
        else:
            await service.change(tx, who, seat.member, MemberUpdate(role="owner"), "*")


async def move(db: Database, organization_id: str, to: OrganizationState) -> bool:
    """Approve an organization, or suspend it. False when it is so already.

    Raises:
        Unknown: there is none with this id.
    """
    who = await operator.principal(db, LIVE)
    try:
        async with db.write(LIVE) as tx:
            if (await organizations.require(tx, who, organization_id)).model.state == to:
                return False
            await organizations.move(tx, who, organization_id, to, None)
    except NotFound:
        raise Unknown(f"there is no organization {organization_id!r}") from None
    return True


async def listed(db: Database, state: str | None) -> list[bytes]:
    """The documents of the organizations, the oldest first; `state`: of those in this one."""
    who = await operator.principal(db, LIVE)
    return await reader.every(db, who, ORGANIZATION, {"state": state} if state else {}, "createdAt")
