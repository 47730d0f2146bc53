"""A person says yes: what an application gets of what it asks for, and the grant that begins with it."""

from collections.abc import Iterable, Sequence
from typing import Any

from engage_api.access.accounts import store as accounts
from engage_api.access.accounts.models import Account
from engage_api.access.accounts.refusals import SignedOut
from engage_api.access.customer_links import people
from engage_api.access.oauth import consents, scopes, store
from engage_api.access.oauth.clients import Client
from engage_api.access.oauth.scopes import SENTENCES
from engage_api.db.engine import Database, Transaction


async def allowed(db: Database, client: Client, account: Account, place: str, words: Iterable[str]) -> list[str]:
    """What the client gets there, of the scopes that it asks for, when this person agrees."""
    role = await consents.role(db, client.organization, account.id)
    customer = await people.customer_of(db, account.id, place, client.application)
    return scopes.allowed(words, client.scopes, role, customer)


async def begin(
    tx: Transaction, client: Client, account: Account, place: str, given: Sequence[str], **code: Any
) -> str:
    """Remember that this person agrees, beside what they have allowed before, and begin a grant; its id.

    `code` are the columns of a grant that begins with one. Whoever ends the person's sessions, because their password
    was reset, waits for this transaction and then ends what it wrote, or was first and it writes nothing.

    Raises:
        SignedOut: the session has ended meanwhile.
    """
    since = await accounts.hold(tx, account.session)
    if since is None:
        raise SignedOut
    before = await consents.agreed(tx, client, account.id, place)
    remembered = [word for word in SENTENCES if word in before or word in given]
    consent = await consents.agree(tx, client, account.id, place, remembered)
    return await store.begin(tx, consent, given, since, **code)
