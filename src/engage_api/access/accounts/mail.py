"""How mail leaves: over SMTP, or in development into an outbox that the developer can look at."""

import sys
from collections import deque
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, make_msgid
from typing import Protocol
from urllib.parse import SplitResult, unquote, urlsplit

from engage_api.access.accounts import emails
from engage_api.core import clock
from engage_api.settings import Settings

PATIENCE = 15.0  # seconds for a whole conversation with the mail server
KEPT = 50  # mails in the outbox
HERE = ("localhost", "127.0.0.1", "::1")


class Undelivered(Exception):
    """The mail server cannot be reached or would not take it. The text names no person and no secret."""


@dataclass(frozen=True, slots=True)
class Mail:
    """Plain text to one person."""

    to: str
    subject: str
    text: str


class Post(Protocol):
    """Where mails are handed in."""

    async def send(self, mail: Mail) -> None:
        """Hand one in. Raises Undelivered; nobody knows then whether it arrives."""


class Smtp:
    """An SMTP server: `smtps://` begins with TLS, `smtp://` insists on STARTTLS, except to this machine itself.

    Args:
        url: `smtp[s]://USER:PASSWORD@HOST:PORT`; the port is 465 or 587 unless it says another.
        sender: the address that the mails come from.
    """

    def __init__(self, url: str, sender: str) -> None:
        self._at: SplitResult = urlsplit(url)
        self._sender = sender
        self._domain = sender.rpartition("@")[2]

    async def send(self, mail: Mail) -> None:
        """Hand one in. Raises Undelivered; nobody knows then whether it arrives."""
        import aiosmtplib  # noqa: PLC0415  # a start need not wait for it

        tls, host = self._at.scheme == "smtps", self._at.hostname or ""
        user, password = self._at.username, self._at.password
        try:
            await aiosmtplib.send(
                message(mail, self._sender, make_msgid(domain=self._domain)),
                sender=self._sender,
                recipients=[mail.to],
                hostname=host,
                port=self._at.port or (465 if tls else 587),
                username=unquote(user) if user else None,
                password=unquote(password) if password else None,
                use_tls=tls,
                start_tls=False if tls or host in HERE else True,  # noqa: SIM211  # None would mean: if it can
                timeout=PATIENCE,
            )
        except (aiosmtplib.SMTPException, OSError) as error:
            code = getattr(error, "code", "")  # what the server says may quote the person's address
            told = str(error) if type(error) in (aiosmtplib.SMTPException, aiosmtplib.SMTPConnectError) else code
            raise Undelivered(f"the mail server: {type(error).__name__} {told}".strip()) from None


@dataclass(frozen=True, slots=True)
class Kept:
    """A mail in the outbox."""

    mail: Mail
    at: datetime


class Outbox:
    """In development: the mails of this process, shown on the console and at `/account/mails`. They go nowhere."""

    def __init__(self) -> None:
        self.mails: deque[Kept] = deque(maxlen=KEPT)

    async def send(self, mail: Mail) -> None:
        """Keep it, and show it."""
        self.mails.appendleft(Kept(mail, clock.host()))
        sys.stdout.write(f"\nMail to {mail.to}: {mail.subject}\n\n{mail.text}\n")
        sys.stdout.flush()


def post(settings: Settings) -> Post | None:
    """How mail leaves this service. None in production without a mail server: then it cannot."""
    if settings.smtp_url:
        return Smtp(settings.smtp_url, settings.mail_from)
    return Outbox() if settings.environment == "development" else None


def message(mail: Mail, sender: str, message_id: str) -> EmailMessage:
    """The mail as it is sent (RFC 5322), marked as written by a machine (RFC 3834).

    Raises:
        ValueError: an address that is none, or a subject of several lines: nothing may break out of its header.
    """
    if emails.read(mail.to) is None or emails.read(sender) is None:
        raise ValueError("not an address that mail can be sent to")
    made = EmailMessage(policy=SMTP)
    made["From"] = sender
    made["To"] = mail.to
    made["Subject"] = mail.subject
    made["Date"] = format_datetime(clock.host())
    made["Message-ID"] = message_id
    made["Auto-Submitted"] = "auto-generated"
    made.set_content(mail.text)
    return made
