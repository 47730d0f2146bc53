"""What all mails share that durable jobs write and hand in."""

from abc import ABC, abstractmethod
from datetime import datetime, timedelta
from typing import Any, ClassVar

from pydantic import BaseModel

from engage_api.access.accounts.mail import Mail, Post, Undelivered
from engage_api.db.engine import Database
from engage_api.jobs import Backoff, Job, Registry
from engage_api.jobs.registry import Later

PATIENCE = timedelta(minutes=1)  # for one attempt
SLOWER = Backoff(first=timedelta(seconds=5), longest=timedelta(minutes=15))


class Nowhere:
    """In the place of a mail server that is not set: mails wait for one."""

    async def send(self, mail: Mail) -> None:  # noqa: ARG002  # as whoever sends has it
        """Raises Undelivered."""
        raise Undelivered("there is no mail server: set ENGAGE_SMTP_URL")


class Writer(ABC):
    """Does the jobs of one kind of mails, in one process, which knows its own address and way out.

    A job says what the mail is about, by ids. What it says is looked up when it is written, so nothing is written about
    what has ended meanwhile.
    """

    kind: ClassVar[str]
    payload: ClassVar[type[BaseModel]]

    def __init__(self, post: Post | None, base_url: str) -> None:
        self._post: Post = post or Nowhere()
        self._base = base_url

    @abstractmethod
    async def write(self, db: Database, wanted: Any) -> Mail | None:
        """The mail, or None when there is nothing to write any more."""

    async def deliver(self, db: Database, job: Job[Any]) -> None:
        """Write one mail and hand it in."""
        mail = await self.write(db, job.payload)
        if mail is None:
            return
        try:
            await self._post.send(mail)
        except Undelivered as error:
            raise Later(str(error)) from None

    def join(self, jobs: Registry) -> None:
        """Add this kind to those that a process does."""
        jobs.job(self.kind, payload=self.payload, max_attempts=8, deadline=PATIENCE, backoff=SLOWER)(self.deliver)


def in_words(moment: datetime) -> str:
    """A time as mails tell it."""
    return f"{moment:%d %B %Y, %H:%M} UTC"
