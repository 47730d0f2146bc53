"""Passwords: argon2id hashes (RFC 9106) and an opinion on what is too easy to guess.

Both take a processor for a while, so they have threads of their own: the loop goes on, and a flood of sign-ins cannot
take more than two processors and two times the memory of a hash. The judge has one thread apart and a short queue: what
it thinks about longest is somebody's choice, and no sign-in waits for it. A hash costs what OWASP's Password Storage
Cheat Sheet asks for at the least: 19 MiB, two rounds, one lane. RFC 9106 recommends more (64 MiB, three rounds, four
lanes); that is six times the work, and a way to keep a small machine busy with sign-ins.
"""

import asyncio
import unicodedata
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from typing import TYPE_CHECKING, TypeVar

from engage_api.access.accounts.refusals import Busy

if TYPE_CHECKING:
    from pwdlib import PasswordHash

T = TypeVar("T")
SHORTEST, LONGEST = 10, 128  # characters
JUDGED = 20  # characters that are looked at: of the worst 32 the judge thinks for 0.6 s, of these for a third of that
MEMORY, ROUNDS, LANES = 19_456, 2, 1  # KiB; of a hash
ENOUGH = 3  # of zxcvbn's 0 to 4: 10^8 guesses and more
AT_ONCE = 2
MOST_WAITING = 64  # who comes then is told to come back: it would wait for seconds
MOST_JUDGED = 64  # at once, with those who wait for the judge: more than a class that signs up together
_judging = Lock()  # the judge keeps what it is told of a person in one place for all threads


class _Line:
    """Threads for one kind of work, and who waits for them."""

    def __init__(self, name: str, threads: int, most: int) -> None:
        self.threads = ThreadPoolExecutor(threads, thread_name_prefix=name)
        self._most = most
        self._waiting = 0

    async def run(self, work: Callable[[], T]) -> T:
        """Do this in one of the threads.

        Raises:
            Busy: too many wait.
        """
        if self._waiting >= self._most:
            raise Busy
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self.threads, work)
        finally:
            self._waiting -= 1

    def close(self) -> None:
        self.threads.shutdown(wait=False, cancel_futures=True)


class Passwords:
    """Hashes and verifies. One for the process; `close` it in the end.

    Args:
        make: what makes the hasher, in a thread; argon2id with the costs above unless told otherwise.
    """

    def __init__(self, make: "Callable[[], PasswordHash] | None" = None) -> None:
        self._make = make or _argon2
        self._hashing = _Line("password", AT_ONCE, MOST_WAITING)
        self._judging = _Line("password-judge", 1, MOST_JUDGED)
        self._hasher: PasswordHash | None = None
        self._dummy = ""

    def close(self) -> None:
        """Waits for nothing."""
        self._hashing.close()
        self._judging.close()

    async def hash(self, password: str) -> str:
        """What is kept of a password."""
        return await self._hashing.run(lambda: self._ready().hash(_plain(password)))

    async def verify(self, password: str, known: str | None) -> tuple[bool, str | None]:
        """Whether it is the password of this hash, and a better hash when ours has become old-fashioned.

        For nobody (None) the same work is done, and the answer is no.
        """

        def work() -> tuple[bool, str | None]:
            hasher = self._ready()
            right, better = hasher.verify_and_update(_plain(password), known or self._dummy)
            return (right, better) if known else (False, None)

        return await self._hashing.run(work)

    async def weakness(self, password: str, about: Sequence[str] = ()) -> list[str]:
        """Why this password will not do, in words; empty when it will. `about` is what a guesser knows of its owner."""
        plain = _plain(password)
        if not SHORTEST <= len(plain) <= LONGEST:
            return [f"Between {SHORTEST} and {LONGEST} characters, please."]
        return await self._judging.run(lambda: _judged(plain, about))

    def _ready(self) -> "PasswordHash":
        """In a thread: loading takes a while, and the hash that stands for nobody a moment more."""
        if self._hasher is None:
            hasher = self._make()
            self._dummy = hasher.hash("a password that nobody has")
            self._hasher = hasher
        return self._hasher


def _plain(password: str) -> str:
    """One form for what keyboards write in two ways (NIST SP 800-63B section 5.1.1.2)."""
    return unicodedata.normalize("NFKC", password)


def _argon2() -> "PasswordHash":
    from pwdlib import PasswordHash  # noqa: PLC0415  # a start need not wait for it
    from pwdlib.hashers.argon2 import Argon2Hasher  # noqa: PLC0415  # as above

    return PasswordHash((Argon2Hasher(time_cost=ROUNDS, memory_cost=MEMORY, parallelism=LANES),))


def _judged(plain: str, about: Sequence[str]) -> list[str]:
    from zxcvbn import zxcvbn  # noqa: PLC0415  # as above

    with _judging:
        found = zxcvbn(plain[:JUDGED], user_inputs=["engage", *about])
    if found["score"] >= ENOUGH:
        return []
    told = [found["feedback"]["warning"], *found["feedback"]["suggestions"]]
    return ["That is too easy to guess.", *(_sentence(text) for text in told if text)]


def _sentence(text: str) -> str:
    return text if text.endswith((".", "!", "?")) else f"{text}."
