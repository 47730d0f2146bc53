"""The rules for links: an application that sees the customer asks, the person agrees, and either ends it.

There is no secret in the mail: whoever has confirmed the address agrees after signing in.
"""

from dataclasses import replace
from datetime import timedelta

from engage_api.access.accounts.emails import Email
from engage_api.access.accounts.models import Account
from engage_api.access.customer_links import letters, people
from engage_api.access.customer_links.models import ACCOUNT_LINK, AccountLink, AccountLinkCreate
from engage_api.access.customer_links.people import Meant
from engage_api.access.members import seats
from engage_api.core import clock
from engage_api.core.principal import Principal
from engage_api.core.problem import NotFound, Problem
from engage_api.db import reader, store
from engage_api.db.engine import Database, Transaction
from engage_api.db.errors import Conflict
from engage_api.db.store import Happened, Stored

OPEN_FOR = timedelta(days=7)
MOST = 5  # of a customer
LINKED, EXPIRED = Happened("linked"), Happened("expired")


class AlreadyLinked(Problem):
    """The customer has a link to this address, pending or agreed to. End that one first to send another mail."""

    code, status, title = "already-linked", 409, "There is a link to this address"


class TooManyLinks(Problem):
    """A customer has at most five links to accounts. End one that is not needed."""

    code, status, title = "too-many-links", 409, "The customer has enough links"


async def create(
    tx: Transaction, principal: Principal, customer_id: str, wanted: AccountLinkCreate
) -> Stored[AccountLink]:
    """Ask somebody by mail. Whether the address has an account makes no difference. The caller has seen the customer,
    and keeps others from changing it.

    Raises:
        AlreadyLinked, TooManyLinks: there is one to this address, or there are enough.
    """
    email = Email(wanted.email, wanted.email.lower())
    if len(await people.of_customer(tx, principal.workspace, customer_id)) >= MOST:
        raise TooManyLinks
    fields = {
        "customer_id": customer_id,
        "state": "pending",
        "hint": email.hint,
        "expires_at": clock.host() + OPEN_FOR,
        "linked_at": None,
    }
    stored = await store.create(tx, principal, ACCOUNT_LINK, fields)
    try:
        await people.add(tx, principal, stored.model, email)
    except Conflict as error:
        raise AlreadyLinked from error
    await letters.ask(tx, principal.workspace, stored.model.id)
    return stored


async def end(tx: Transaction, principal: Principal, customer_id: str, link_id: str) -> None:
    """End a link of a customer."""
    found = await reader.find(tx, principal, ACCOUNT_LINK, link_id)
    if found is None or found.model.customer_id != customer_id:
        raise NotFound
    await store.remove(tx, principal, ACCOUNT_LINK, found)


async def end_all(tx: Transaction, principal: Principal, customer_id: str) -> None:
    """End all links of a customer, whoever asked for them."""
    everybody = replace(principal, sees_workspace=True)
    for link_id in await people.of_customer(tx, principal.workspace, customer_id):
        await end(tx, everybody, customer_id, link_id)


async def agree(db: Database, account: Account, found: Meant) -> None:
    """Link the account. The caller has seen that the link is for its person.

    Raises:
        NotFound: it has ended, or somebody has agreed already.
        Conflict: they are another customer there.
    """
    who = _person(account.id, found.workspace)
    async with db.write(found.workspace) as tx:
        was = await reader.find(tx, who, ACCOUNT_LINK, found.link.id)
        if was is None or not await people.claim(tx, found.workspace, was.model.id, account.id):
            raise NotFound
        now = clock.business(found.workspace)
        linked = {"state": "linked", "linked_at": now, "expires_at": None}
        await store.change(tx, who, ACCOUNT_LINK, was, linked, LINKED)


async def end_own(db: Database, account: Account, found: Meant) -> None:
    """The person ends or refuses it."""
    who = _person(account.id, found.workspace)
    async with db.write(found.workspace) as tx:
        await end(tx, who, found.link.customer_id, found.link.id)


async def expire(db: Database, workspace: str, link_id: str) -> None:
    """End a link that nobody agreed to in time, or whose account is gone."""
    who = _person("", workspace)
    async with db.write(workspace) as tx:
        found = await reader.find(tx, who, ACCOUNT_LINK, link_id)
        if found is not None:
            await store.remove(tx, who, ACCOUNT_LINK, found, EXPIRED)


def _person(account: str, workspace: str) -> Principal:
    """A person at our pages, about this one link."""
    return replace(seats.founder(account), workspace=workspace, sees_workspace=True)
