"""What an outside host may cost, what it answered, and why it did not."""

from collections.abc import Mapping
from dataclasses import dataclass


class Unanswered(Exception):
    """No answer, or none that could be taken. `reason` may be shown to whoever chose the URL: it tells nothing else."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class InvalidUrl(Unanswered):
    """Not a URL that requests are sent to, whatever its host resolves to."""


class Forbidden(Unanswered):
    """The host is not public, or is this service."""


class Unreachable(Unanswered):
    """The host does not exist, cannot be connected to, is not who it says, or does not speak HTTP. May pass."""


class Busy(Unanswered):
    """The service itself has too much to do just now. It says nothing of the host: nothing was sent. Will pass."""


class TooSlow(Unanswered):
    """The deadline went by. May pass; the request may have been read."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, redirects included. Names of headers are in lower case.

    The body is as it was sent: identity is asked for, and what comes compressed all the same is not unpacked, so that
    a small answer stays small. `seconds` is the whole time, the look-up of the name included.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    seconds: float


class TooLarge(Unanswered):
    """The body is longer than allowed. `answer` has the rest, and as much of the body as was allowed."""

    def __init__(self, answer: Answer) -> None:
        super().__init__("The answer is too large.")
        self.answer = answer


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a request may cost: seconds from its beginning to the last byte of its answer, and bytes of the body.

    `share` is the organization that it is made for, which has a share of what is done at once.
    """

    seconds: float = 10.0
    size: int = 65_536
    share: str = ""
