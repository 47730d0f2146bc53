"""People as far as the API sees them: members of organizations, whose accounts nobody signs in to."""

from itertools import count

from engage_api.access import operator
from engage_api.access.accounts import emails, store
from engage_api.access.members import service
from engage_api.access.members.roles import Role
from engage_api.access.worlds import LIVE
from engage_api.db import Database

_numbers = count(1)


async def add_account(db: Database, address: str = "") -> str:
    """A new account, not confirmed; its id."""
    email = emails.read(address or f"member{next(_numbers)}@example.org")
    assert email is not None
    async with db.system.write(None) as tx:
        await store.sign_up(tx, email, "Ada", "no hash")
    return str((await store.by_address(db, email.folded)).id)


async def add_member(db: Database, organization: str, role: Role = "viewer", workspace: str = LIVE) -> str:
    """A new member of this organization; their id."""
    account, who = await add_account(db), await operator.principal(db, workspace)
    async with db.write(workspace) as tx:
        return (await service.join(tx, who, organization, (account, "Ada"), role)).model.id
