"""How often receivers of sandboxes are asked that fail: time that goes as fast as one likes must cost them nothing."""

from collections.abc import Mapping, Sequence
from time import monotonic
from urllib.parse import urlsplit

from engage_api.access import worlds

SILENT = 3  # attempts without an answer in time, after which a receiver is not asked any more
FAILED = 8  # failures in a row, after which only the 16th attempt, the 32nd, the 64th and so on are made
FREE = 20  # failures of a host in a row, by our own clock, after which it is asked
GAP = 1.0  # seconds apart
POSTS, EACH = 600, 0.1  # posts at once, and seconds after which there may be one more: of a sandbox, and to a host
GUESTS = 10  # times as many to a host from all sandboxes of guests together, who know nothing of each other
MOST = 10_000  # hosts that are remembered, and sandboxes
PORTS = {"http": 80, "https": 443}
NO_ANSWER = f"Not sent: {SILENT} attempts had no answer while the clock was moved, or a late one."
IN_VAIN = "Not sent: the attempts before it failed while the clock was moved."


class Patience:
    """With the receivers of a sandbox, from when its clock begins to be moved until that is over.

    It counts attempts and no time, so the same script leaves the same log however fast it goes.
    """

    def __init__(self, kept: Mapping[str, Sequence[int]]) -> None:
        self.kept = {endpoint: (int(late), int(failed)) for endpoint, (late, failed) in kept.items()}

    def refusal(self, endpoint: str) -> str | None:
        """Why it is not asked now; None: it is."""
        late, failed = self.kept.get(endpoint, (0, 0))
        if late >= SILENT:
            return NO_ANSWER
        return IN_VAIN if failed >= FAILED and failed & (failed + 1) else None

    def asked(self, endpoint: str, *, taken: bool, late: bool) -> None:
        """An attempt was made."""
        was, failed = self.kept.get(endpoint, (0, 0))
        self.kept[endpoint] = (was + late, 0 if taken else failed + 1)

    def unasked(self, endpoint: str) -> None:
        """An attempt failed without being made."""
        late, failed = self.kept[endpoint]
        self.kept[endpoint] = (late, failed + 1)


class Brake:
    """For all sandboxes in one process: a host that only fails is asked once a second for an organization, and one
    that takes everything is not posted to without end. A sandbox of a guest stands for itself.
    """

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], tuple[int, float]] = {}
        self._posted: dict[tuple[str, str], float] = {}  # until when what was posted counts

    def turn(self, sandbox: str, organization: str, url: str) -> float:
        """For how many seconds the host is not to be asked; 0: it is asked now, and that counts."""
        place, now = _place(sandbox, organization, url), monotonic()
        failures, begins = self._known.get(place, (0, 0.0))
        counted = {place: EACH, (sandbox, ""): EACH}
        if organization == worlds.GUESTS:
            counted[organization, _host(url)] = EACH / GUESTS
        wait = max(begins - now if failures >= FREE else 0.0, *(self._over(name, now) for name in counted))
        if wait > 0:
            return wait
        if failures >= FREE:
            self._known[place] = (failures, now + GAP)
        for name, each in counted.items():
            until = max(self._posted.pop(name, now), now) + each
            if len(self._posted) >= MOST:
                self._posted = {one: then for one, then in self._posted.items() if then > now}
            self._posted[name] = until
        return 0.0

    def _over(self, name: tuple[str, str], now: float) -> float:
        """For how many seconds there are too many of this."""
        return self._posted.get(name, now) - now - (POSTS - 0.5) * EACH

    def note(self, sandbox: str, organization: str, url: str, *, taken: bool) -> None:
        """What came of an attempt."""
        place = _place(sandbox, organization, url)
        failures, begins = self._known.pop(place, (0, 0.0))
        if not taken:
            if len(self._known) >= MOST:
                del self._known[next(iter(self._known))]
            self._known[place] = (failures + 1, begins)


def _place(sandbox: str, organization: str, url: str) -> tuple[str, str]:
    return sandbox if organization == worlds.GUESTS else organization, _host(url)


def _host(url: str) -> str:
    """Whom it leads to, however it is spelt."""
    parts = urlsplit(url)
    return f"{parts.hostname}:{parts.port or PORTS.get(parts.scheme)}"
