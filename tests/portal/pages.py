"""The built site as tests read it: every page with what it points to, what it runs and what it says."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path

SITE = Path(__file__).parents[2] / "portal" / "site"
LOADS = {
    "script": "src",
    "img": "src",
    "link": "href",
    "iframe": "src",
    "source": "src",
    "object": "data",
    "use": "href",
}
NO_CODE = {"application/json", "application/ld+json"}


@dataclass
class Page(HTMLParser):
    """One page. `where` is its address."""

    where: str
    text: str
    loads: list[str] = field(default_factory=list)
    links: list[str] = field(default_factory=list)
    ids: set[str] = field(default_factory=set)
    code: list[str] = field(default_factory=list)
    words: str = ""
    _silent: bool = False

    def __post_init__(self) -> None:
        super().__init__()
        self.feed(self.text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if "id" in given:
            self.ids.add(given["id"])
        if tag == "a" and "href" in given:
            self.links.append(given["href"])
        if tag in LOADS and LOADS[tag] in given:
            self.loads.append(given[LOADS[tag]])
        self.loads += [part.split()[0] for part in given.get("srcset", "").split(",") if part.strip()]
        self.code += [f"{name}={value}" for name, value in given.items() if name.startswith("on")]
        self.code += [value for value in given.values() if value.lower().startswith("javascript:")]
        if tag == "script" and "src" not in given and given.get("type", "") not in NO_CODE:
            self.code.append("an inline script")
        self._silent = tag in {"script", "style"}

    def handle_endtag(self, tag: str) -> None:
        self._silent = False

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self.words += data


def pages(site: Path = SITE) -> Iterator[Page]:
    """Every page of the site."""
    assert (site / "index.html").is_file(), "the portal is not built: run `make docs`"
    for path in sorted(site.rglob("*.html")):
        place = "/" + path.relative_to(site).as_posix().removesuffix("index.html")
        yield Page(place, path.read_text(encoding="utf-8"))


def page(place: str) -> Page:
    """The page at an address, such as `/scopes/`."""
    path = SITE / place.strip("/") / "index.html"
    assert path.is_file(), f"there is no page {place}: run `make docs`"
    return Page(place, path.read_text(encoding="utf-8"))
