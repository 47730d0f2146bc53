"""How much of a process the receivers of one organization may keep busy, once there is not enough for everybody: slow
ones that say 200 are nobody's failure, and must not take all there is.
"""

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

RUNS, FREE_RUNS = 32, 128  # jobs of one organization at once, unless there are fewer in all; of 256
ATTEMPTS, FREE_ATTEMPTS = 64, 128  # of one organization at once, likewise
MOST_ATTEMPTS = 256  # of the process; then each job makes one at a time: 512 sockets, of the usual 1,024 files


class Shares:
    """Who has how much. One for a process."""

    def __init__(self) -> None:
        self._runs: Counter[str] = Counter()
        self._attempts: Counter[str] = Counter()

    @contextmanager
    def run(self, organization: str, bounds: tuple[int, int] | None = None) -> Iterator[bool]:
        """A job of the organization begins, and ends. False: it has its share already. `bounds`: other ones than
        `RUNS` and `FREE_RUNS`.
        """
        most, free = bounds or (RUNS, FREE_RUNS)
        self._runs[organization] += 1
        try:
            yield self._runs[organization] <= most or self._runs.total() <= free
        finally:
            _less(self._runs, organization)

    def begin(self, attempt: asyncio.Future[Any], organization: str) -> None:
        """An attempt begins; it ends by itself."""
        self._attempts[organization] += 1
        attempt.add_done_callback(lambda _: _less(self._attempts, organization))

    def is_wide(self, organization: str) -> bool:
        """Whether a job of the organization may make several attempts at once."""
        total = self._attempts.total()
        return total < FREE_ATTEMPTS or (total < MOST_ATTEMPTS and self._attempts[organization] < ATTEMPTS)


def _less(counter: Counter[str], name: str) -> None:
    counter[name] -= 1
    if not counter[name]:
        del counter[name]
