"""Forms that are good once: who loads the page with a new secret again has not asked for a second one."""

import re
import secrets
from datetime import timedelta

from engage_api.access.accounts.refusals import Foreign, Refusal
from engage_api.access.members.desk import Form
from engage_api.core import clock
from engage_api.core.principal import Principal
from engage_api.db.engine import Transaction
from engage_api.http import idempotency

FIELD = "once"
HOLDS = timedelta(hours=12)  # shorter than what is used up is remembered
_VALUE = re.compile(r"([0-9]{1,12})-[A-Za-z0-9_-]{24}")


class Used(Refusal):
    """The form was sent before."""

    status, title = 409, "This has been done already"
    text = (
        "What it made was shown when the form was sent the first time. If you have not copied it, end it, open the "
        "page again and make another one."
    )


def new() -> str:
    """A value for one form, with the time from which on it is good."""
    return f"{int(clock.seconds())}-{secrets.token_urlsafe(18)}"


async def use_up(tx: Transaction, who: Principal, form: Form) -> None:
    """Use the form up, in the transaction of what it asks for.

    Raises:
        Foreign: it is none of today.
        Used: it has been sent before.
    """
    found = _VALUE.fullmatch(form.get(FIELD, ""))
    if found is None or clock.seconds() - int(found[1]) > HOLDS.total_seconds():
        raise Foreign
    if not await idempotency.use_up(tx, who.workspace, who.person or "", found[0]):
        raise Used
