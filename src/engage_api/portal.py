"""The built developer portal, served as files."""

from pathlib import Path

from starlette.responses import PlainTextResponse
from starlette.staticfiles import StaticFiles
from starlette.types import Receive, Scope, Send

PLACES = (Path(__file__).parent / "_portal", Path(__file__).parents[2] / "portal" / "site")
"""Where the pages are: in the wheel, or where `make docs` builds them."""


class Portal:
    """Answers pages; a page that is not there gets the portal's own 404."""

    def __init__(self) -> None:
        folder = next((place for place in PLACES if (place / "index.html").is_file()), None)
        self._files = StaticFiles(directory=folder, html=True) if folder else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._files is None:
            text = "The portal is not built: run `make docs`. The API is at /v1."
            await PlainTextResponse(text, 404)(scope, receive, send)
        else:
            await self._files(scope, receive, send)
