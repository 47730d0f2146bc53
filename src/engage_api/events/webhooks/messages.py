"""The messages of a stream of events, as whoever follows it reads them."""

from collections.abc import Iterator

PAUSE = 1.0  # seconds until one comes back, unless the stream says another number


class Messages:
    """Reads server-sent events (WHATWG HTML, section 9.2.6) as far as our stream uses them.

    `last` is the id of the last one that was handed over whole: where to go on. `pause`: seconds until then.
    """

    def __init__(self) -> None:
        self.last = ""
        self.pause = PAUSE
        self._rest = b""

    def begin(self) -> None:
        """A new connection: half a message of the one before is no message."""
        self._rest = b""

    def of(self, piece: bytes) -> Iterator[bytes]:
        """The data of the messages that this piece ends, without those that have a name: they tell of the stream."""
        *whole, self._rest = (self._rest + piece).split(b"\n\n")
        for block in whole:
            fields = dict(line.partition(b": ")[::2] for line in block.split(b"\n"))
            if b"data" in fields and b"event" not in fields:
                yield fields[b"data"]
            if b"id" in fields:
                self.last = fields[b"id"].decode()
            if b"retry" in fields:
                self.pause = int(fields[b"retry"]) / 1000
