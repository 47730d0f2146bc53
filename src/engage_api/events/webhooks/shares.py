"""How much of a process the receivers of one organization may keep busy, once there is not enough for everybody: slow
ones that say 200 are nobody's failure, and must not take all there is.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

RUNS, FREE_RUNS = 32, 128  # jobs of one organization at once, unless there are fewer in all; of 256
ATTEMPTS, FREE_ATTEMPTS = 64, 128  # of one organization at once, likewise
MOST_ATTEMPTS = 256  # of the process; then each job makes one at a time: 512 sockets, of the usual 1,024 files


class Shares:
    """Who has how much. One for a process."""

    def __init__(self) -> None:
        self._runs: Counter[str] = Counter()
        self._attempts: Counter[str] = Counter()

    @contextmanager
    def run(self, organization: str) -> Iterator[bool]:
        """A job of the organization begins, and ends. False: it has its share already."""
        with _one_more(self._runs, organization):
            yield self._runs[organization] <= RUNS or self._runs.total() <= FREE_RUNS

    @contextmanager
    def attempt(self, organization: str) -> Iterator[None]:
        """An attempt begins, and ends."""
        with _one_more(self._attempts, organization):
            yield

    def is_wide(self, organization: str) -> bool:
        """Whether a job of the organization may make several attempts at once."""
        total = self._attempts.total()
        return total < FREE_ATTEMPTS or (total < MOST_ATTEMPTS and self._attempts[organization] < ATTEMPTS)


@contextmanager
def _one_more(counter: Counter[str], name: str) -> Iterator[None]:
    counter[name] += 1
    try:
        yield
    finally:
        counter[name] -= 1
        if not counter[name]:
            del counter[name]
