"""Answers that are ready: bytes of JSON, and headers as they are sent."""

from starlette.responses import Response

Header = tuple[bytes, bytes]


class Ready(Response):
    """JSON that was rendered when it was written. Starlette would encode and compare every header once more."""

    def __init__(self, body: bytes, *headers: Header) -> None:
        self.status_code = 200
        self.background = None
        self.body = body
        self.raw_headers = [
            (b"content-type", b"application/json"),
            (b"content-length", b"%d" % len(body)),
            *headers,
        ]
