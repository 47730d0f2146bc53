"""The built developer portal: its files, held in memory with what browsers need to keep them, and its 404 page.

Besides them the documents at well-known places that name our own address: the API catalog (RFC 9727), whom to tell
about a weakness (RFC 9116), and the portal as a list of links for language models (llmstxt.org).
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from starlette.datastructures import Headers
from starlette.responses import RedirectResponse, Response
from starlette.types import Receive, Scope, Send

from engage_api.core import clock
from engage_api.core.problem import MethodNotAllowed, NotFound, Problem, TooManyRequests
from engage_api.http import etags, problems
from engage_api.http.call import Services
from engage_api.settings import Contact

PLACES = (Path(__file__).parent / "_portal", Path(__file__).parents[2] / "portal" / "site")
"""Where the pages are: in the wheel, or where `make docs` builds them."""
SECURITY_TEXT_HOLDS = timedelta(days=180)  # RFC 9116 section 2.5.5: less than a year
HERE_IS_THE_API = "The API begins here: /reference shows its operations, /v1/openapi.json describes them."
ICON = "assets/favicon.svg"
MOVED = {"favicon.ico": f"/{ICON}", "docs": "/"}  # where browsers and many people look first
EXPLORER = "reference"  # served with and without a slash: it is told as /reference

TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
}
NAMED_BY_CONTENT = re.compile(r"\.[0-9a-f]{8}\.min\.(css|js)$|/scalar/\d+\.\d+\.\d+/")
CATALOG_TYPE = 'application/linkset+json; profile="https://www.rfc-editor.org/info/rfc9727"'


class Bytes(NamedTuple):
    """A text as it is sent, and its ETag."""

    content: bytes
    tag: str


@dataclass(frozen=True, slots=True)
class File:
    """A file of the portal. `packed` is its gzip twin, if the build made one."""

    plain: Bytes
    packed: Bytes | None
    media_type: str
    keep: str

    def answer(self, headers: Headers, status: int = 200) -> Response:
        """The file, packed for who can unpack it; 304 for who has it."""
        packed = self.packed if "gzip" in headers.get("accept-encoding", "") else None
        content, tag = packed or self.plain
        told = {"Cache-Control": self.keep, "ETag": tag}
        if self.packed:
            told["Vary"] = "Accept-Encoding"
        if status == 200 and etags.knows(headers.get("if-none-match"), tag):
            return Response(status_code=304, headers=told)
        if packed:
            told["Content-Encoding"] = "gzip"
        return Response(content, status, told, self.media_type)


class Portal:
    """Answers pages; a page that is not there gets the portal's own 404, or a problem where no page was asked for."""

    def __init__(self, places: tuple[Path, ...] = PLACES) -> None:
        folder = next((place for place in places if (place / "index.html").is_file()), None)
        self._files: Mapping[str, File] = read(folder) if folder else {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._answer(scope)(scope, receive, send)

    def _answer(self, scope: Scope) -> Response:
        if scope["method"] not in ("GET", "HEAD"):
            return _problem(scope, MethodNotAllowed(headers={"Allow": "GET, HEAD"}))
        path = scope["path"].lstrip("/")
        if scope["path"] in ("/v1", "/v1/"):
            return _problem(scope, NotFound(HERE_IS_THE_API))
        headers = Headers(scope=scope)
        if found := self._made(path, scope["state"]["services"]) or self._page(path, headers):
            return found
        if "404.html" in self._files and "text/html" in headers.get("accept", ""):
            return self._files["404.html"].answer(headers, 404)
        return _problem(scope, NotFound(None if self._files else "The portal is not built: run `make docs`."))

    def _page(self, path: str, headers: Headers) -> Response | None:
        if file := self._files.get(path):
            return file.answer(headers)
        folder = path if path[-1:] in ("", "/") else f"{path}/"
        index = self._files.get(f"{folder}index.html")
        if index and path not in (folder, EXPLORER):
            return RedirectResponse(f"/{folder}", 308)  # a folder of ours, so nobody is led elsewhere
        return index.answer(headers) if index else None

    def _made(self, path: str, services: Services) -> Response | None:
        """A document that names our own address."""
        base_url, contact = services.base_url, services.contact
        kept = {"Cache-Control": "public, max-age=3600"}
        match path:
            case ".well-known/api-catalog":
                link = {"Link": '</.well-known/api-catalog>; rel="api-catalog"'}
                return Response(api_catalog(base_url), headers=kept | link, media_type=CATALOG_TYPE)
            case ".well-known/security.txt":
                return Response(security_text(base_url, contact), headers=kept, media_type=TYPES[".txt"])
            case "robots.txt":
                return Response(b"User-agent: *\nAllow: /\n", headers=kept, media_type=TYPES[".txt"])
            case _ if path in MOVED:
                return RedirectResponse(MOVED[path], 308, kept)
            case "llms.txt" if path in self._files:
                text = self._files[path].plain.content.replace(b"](/", f"]({base_url}/".encode())
                return Response(text, headers=kept, media_type=TYPES[".txt"])
        return None


@lru_cache(maxsize=1)
def read(folder: Path) -> Mapping[str, File]:
    """Every file below the folder by its path, read once: build the portal anew and the service is started anew."""
    found = {}
    for path in folder.rglob("*"):
        if path.is_file() and path.suffix != ".gz":
            name = path.relative_to(folder).as_posix()
            twin = path.with_name(f"{path.name}.gz")
            found[name] = File(
                _bytes(path),
                _bytes(twin) if twin.is_file() else None,
                TYPES.get(path.suffix, "application/octet-stream"),
                "public, max-age=31536000, immutable" if NAMED_BY_CONTENT.search(f"/{name}") else "no-cache",
            )
    return found


def api_catalog(base_url: str) -> bytes:
    """Where the API and its descriptions are, as a linkset (RFC 9727, RFC 9264)."""

    def links(media_type: str, *paths: str) -> list[dict[str, str]]:
        return [{"href": f"{base_url}{path}", "type": media_type} for path in paths]

    entry = {
        "anchor": f"{base_url}/v1",
        "service-desc": links("application/json", "/v1/openapi.json", "/v1/openapi-3.1.json", "/v1/asyncapi.json"),
        "service-doc": links("text/html", "/reference", "/"),
        "service-meta": links(
            "application/json", "/.well-known/oauth-protected-resource", "/.well-known/oauth-authorization-server"
        ),
        "status": links("application/json", "/readyz"),
    }
    return json.dumps({"linkset": [entry]}, indent=2).encode() + b"\n"


def security_text(base_url: str, contact: Contact) -> bytes:
    """Whom to tell about a weakness (RFC 9116). It is always fresh: what it says comes with the running version."""
    expires = (clock.host() + SECURITY_TEXT_HOLDS).replace(hour=0, minute=0, second=0, microsecond=0)
    reached = [f"mailto:{contact.email}"] if contact.email else []
    reached += [contact.url] if contact.url else []
    lines = (
        *(f"Contact: {one}" for one in reached or [f"{base_url}/support/"]),
        f"Expires: {clock.wire(expires)}",
        "Preferred-Languages: en",
        f"Canonical: {base_url}/.well-known/security.txt",
        f"Policy: {base_url}/security/",
    )
    return "\n".join(lines).encode() + b"\n"


def _bytes(path: Path) -> Bytes:
    content = path.read_bytes()
    return Bytes(content, etags.strong(content))


def _problem(scope: Scope, problem: Problem) -> Response:
    state = scope["state"]
    if wait := state["blocked_for"](scope):
        problem = TooManyRequests(headers={"Retry-After": str(wait)})
    return problems.render(problem, state["request_id"], state["services"].base_url)
