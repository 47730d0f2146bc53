"""What people are shown instead of the page that they wanted."""

from collections.abc import Mapping
from typing import ClassVar


class Refusal(Exception):
    """The page that somebody gets instead, with its status. Each is a class: what is raised is new every time."""

    status: ClassVar[int]
    title: ClassVar[str]
    text: str
    headers: Mapping[str, str] = {}
    back: tuple[str, str] = ("/account", "To your account")
    """Where who is signed in goes on from here, and what the link says."""


class NotOurForm(Refusal):
    """A body that no form of ours could have made."""

    status, title, text = 400, "Not our form", "The form could not be read. Open the page again."


class Foreign(Refusal):
    """A form that does not come from a page of ours, as far as can be seen."""

    status, title = 403, "This form is not valid any more"
    text = (
        "It was open for too long, cookies are switched off, or it was sent from another site. Nothing has been done. "
        "Open the page again and send it from there."
    )


class SignedOut(Refusal):
    """Something that only somebody who is signed in can ask for."""

    status, title, text = 403, "You are not signed in", "Your session has ended. Sign in and try again."


class Closed(Refusal):
    """In production without a mail server."""

    status, title = 403, "Not open"
    text = (
        "This service cannot send mail, so nobody can sign up here or ask for a new password. "
        "Its operator can change that with ENGAGE_SMTP_URL."
    )


class Nothing(Refusal):
    """No such page, or none for you."""

    status, title, text = 404, "There is nothing here", "Perhaps the address was not copied in full."


class NotThisWay(Refusal):
    """Another method than those of the page (RFC 9110 section 15.5.6)."""

    status, title = 405, "This page does not work this way"
    text = "It cannot be looked at by its address alone, or nothing can be sent to it."

    def __init__(self, *allowed: str) -> None:
        super().__init__()
        self.headers = {"Allow": ", ".join(allowed)}


class Gone(Refusal):
    """The link has been used, has expired, or never was."""

    status, title = 410, "This link does not work any more"
    text = "It has been used, or it is too old. Ask for a new one, or sign in."


class TooLong(Refusal):
    """A form of more bytes than one of ours can have."""

    status, title, text = 413, "Too much", "A form of these pages is never that long."


class NoForm(Refusal):
    """A body of another kind; one that scripts of other sites may send without asking, for instance."""

    status, title, text = 415, "Not a form", "Only the form of the page itself can be sent here."


class TooMany(Refusal):
    """Too many attempts of an address, or at an account."""

    status, title = 429, "Too many attempts"

    def __init__(self, wait: int) -> None:
        super().__init__()
        self.text = f"Try again in {wait} second{'' if wait == 1 else 's'}."
        self.headers = {"Retry-After": str(wait)}


class Broken(Refusal):
    """A mistake of ours."""

    status, title, text = 500, "Something went wrong", "It is our mistake, and it has been noted. Try again."


class Busy(Refusal):
    """The database is away, or too many passwords wait to be looked at."""

    status, title, text = 503, "Too much to do just now", "Try again in a few seconds."
    headers = {"Retry-After": "5"}
