"""The mails about an endpoint: when it begins to fail, a day before it is disabled for that, and when it is."""

from typing import Literal

from pydantic import BaseModel

from engage_api.access.accounts import mailing
from engage_api.access.accounts.mail import Mail
from engage_api.access.members.letters import plain
from engage_api.access.worlds import LIVE
from engage_api.db.engine import Database, Transaction
from engage_api.events.webhooks import ledger, owners
from engage_api.events.webhooks.models import Reason
from engage_api.events.webhooks.schedule import DISABLES_IN, NOTICE, Health
from engage_api.http import idempotency
from engage_api.jobs import Job, Registry, enqueue

MOST = 20  # notices of an application's endpoints in a day
NOTICE_KIND, MAIL_KIND = "webhook.notice", "webhook.mail"
About = Literal["failing", "warned", "disabled"]
FITS: dict[About, tuple[str, ...]] = {
    "failing": ("failing",),
    "warned": ("enabled", "failing"),
    "disabled": ("disabled",),
}
"""States of the endpoint in which a mail still says what is so."""
_SUBJECTS: dict[About, str] = {
    "failing": "A webhook endpoint does not answer",
    "warned": "A webhook endpoint will be disabled",
    "disabled": "A webhook endpoint was disabled",
}
_SAID: dict[About, str] = {
    "failing": "It does not take what is sent to it. Events are tried again for three days; some may not arrive.",
    "warned": "It has taken nothing for days. If that goes on, it is disabled on {until} at the earliest.",
    "disabled": "Nothing is sent to it any more: {reason}.",
}
_REASONS: dict[Reason, str] = {
    "gone": "the receiver said that it wants nothing any more (410)",
    "failing": "it has taken nothing for five days",
    "unsigned": "there is no secret left to sign with",
}
_TEXT = """Hello,

this is about the webhook endpoint {endpoint} of your organization{about} at
{base}

{said}

What became of each delivery: {base}/v1/webhook-endpoints/{endpoint}/deliveries
How to mend it, enable it and get what it has missed: {base}/webhooks/
"""


class Notice(BaseModel):
    """About which endpoint, and what."""

    endpoint: str
    about: About


class Wanted(Notice):
    """The same to one owner."""

    workspace: str
    account: str


async def ask(tx: Transaction, endpoint_id: str, about: About) -> None:
    """Promise mails to all owners in the caller's transaction, which stands at the endpoint's workspace."""
    await enqueue(tx, NOTICE_KIND, Notice(endpoint=endpoint_id, about=about))


async def notice(db: Database, job: Job[Notice]) -> None:
    """A mail for each owner, so that one that cannot be delivered doubles no other.

    Whoever enables an endpoint again and again, or makes new ones, must not send the owners a mail each time: of one
    endpoint they are told a thing once in a day, of an application's not more than so many; that is kept in the live
    workspace, where no reset of a sandbox forgets it.
    """
    workspace = job.workspace or ""
    found = await ledger.one(db, workspace, job.payload.endpoint)
    if found is None or found.model.state not in FITS[job.payload.about]:
        return
    application, about = found.model.application_id, f"{job.payload.about} {found.model.id}"
    whose = f"mails about the webhooks of {application}" + ("" if workspace == LIVE else " in sandboxes")
    accounts = await owners.accounts(db, application)
    async with db.system.write(None) as tx:
        few = await idempotency.used_up(tx, LIVE, whose) < MOST
        if few and await idempotency.use_up(tx, LIVE, whose, about):
            for account in accounts:
                wanted = Wanted(**job.payload.model_dump(), workspace=workspace, account=account)
                await enqueue(tx, MAIL_KIND, wanted, workspace=workspace)
        await job.finish(tx)


class Writer(mailing.Writer):
    """Writes these mails."""

    kind = MAIL_KIND
    payload = Wanted

    async def write(self, db: Database, wanted: Wanted) -> Mail | None:
        """Nothing when it is not so any more, or to somebody who is no owner any more."""
        found = await ledger.one(db, wanted.workspace, wanted.endpoint)
        if found is None or found.model.state not in FITS[wanted.about]:
            return None
        to = await owners.address(db, found.model.application_id, wanted.account)
        if to is None:
            return None
        model = found.model
        reason = _REASONS[model.state_reason] if model.state_reason else ""
        text = _TEXT.format(
            endpoint=model.id,
            about=f', "{plain(model.description)}",' if model.description else "",
            base=self._base,
            said=_SAID[wanted.about].format(until=_until(found.health), reason=reason),
        )
        return Mail(to, _SUBJECTS[wanted.about], text)

    def join(self, jobs: Registry) -> None:
        """These mails, and the job that asks for them."""
        jobs.job(NOTICE_KIND, payload=Notice)(notice)
        super().join(jobs)


def _until(health: Health) -> str:
    moments = [
        begin + lasts
        for begin, lasts in ((health.failing_since, DISABLES_IN), (health.warned_at, NOTICE))
        if begin is not None
    ]
    return mailing.in_words(max(moments)) if moments else "a day from now"
