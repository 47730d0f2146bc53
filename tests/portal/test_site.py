"""The built site: it asks nothing of anybody else, has no code inside its pages, and leads to what is there."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import pytest

from portal.generated.extras import BUNDLE, VERSION
from portal.lock import LOCK, pruned
from tests.architecture.test_tree import unheld
from tests.portal.pages import SITE, Page, page, pages

OUTSIDE = re.compile(r"^([a-z]+:)?//", re.IGNORECASE)
IN_CSS = re.compile(r"(?:url\(|@import)\s*['\"]?([^'\")\s;]+)")
SERVED_BESIDE = ("/v1/openapi", "/v1/asyncapi", "/.well-known/", "/reference", "/account")


def outside(found: Page) -> list[str]:
    """What a page loads from elsewhere. Links that a person may follow are not loaded."""
    in_style = IN_CSS.findall("".join(re.findall(r"<style[^>]*>(.*?)</style>", found.text, re.DOTALL)))
    return [address for address in [*found.loads, *in_style] if OUTSIDE.match(address)]


def outside_of_css(text: str) -> list[str]:
    return [address for address in IN_CSS.findall(text) if OUTSIDE.match(address)]


def dead_ends(found: Page, known: dict[str, Page], files: set[str]) -> Iterator[str]:
    """Links and files of a page that lead nowhere."""
    for address in [*found.links, *found.loads]:
        if OUTSIDE.match(address) or urlsplit(address).scheme in ("mailto", "data"):
            continue
        target = urlsplit(urljoin(f"http://site{found.where}", address))
        if target.path in known:
            if target.fragment and target.fragment not in known[target.path].ids:
                yield f"{found.where}: {address} has no such place"
        elif target.path not in files and not target.path.startswith(SERVED_BESIDE):
            yield f"{found.where}: {address}"


def test_no_page_loads_anything_from_elsewhere() -> None:
    found = list(pages())
    assert len(found) > 40
    assert [(one.where, outside(one)) for one in found if outside(one)] == []


def test_no_style_loads_anything_from_elsewhere() -> None:
    styles = list(SITE.rglob("*.css"))
    assert len(styles) >= 4
    assert [path.name for path in styles if outside_of_css(path.read_text(encoding="utf-8"))] == []


def test_no_page_has_code_inside() -> None:
    assert [(one.where, one.code) for one in pages() if one.code] == []


def test_every_link_leads_somewhere() -> None:
    known = {one.where: one for one in pages()}
    files = {"/" + path.relative_to(SITE).as_posix() for path in SITE.rglob("*") if path.is_file()}
    ends = [end for one in known.values() for end in dead_ends(one, known, files)]
    assert ends == []


def test_every_page_leads_to_the_account() -> None:
    lost = [one.where for one in pages() if "/account" not in one.links]
    assert lost == []
    new = [one.where for one in pages() if "/account/sign-up" not in one.links]
    assert new == ["/reference/"]  # the explorer has one line; who signs in there finds it on that page


def test_every_table_has_a_name_and_takes_the_keyboard() -> None:
    box = re.compile(r'<div class="portal-table" role="group" tabindex="0" aria-label="Table: [^"<>]+"><table>')
    tables = {one.where: (len(re.findall("<table", one.text)), len(box.findall(one.text))) for one in pages()}
    assert sum(count for count, _ in tables.values()) > 100
    assert {place: counts for place, counts in tables.items() if counts[0] != counts[1]} == {}


def test_every_page_says_what_it_is() -> None:
    titles = {one.where: re.findall(r"<title>(.*?)</title>", one.text) for one in pages()}
    assert [place for place, found in titles.items() if len(found) != 1] == []
    pairs = [(found[0], place) for place, found in titles.items()]
    assert len({title for title, _ in pairs}) == len(pairs)
    assert [
        one.where for one in pages() if one.where != "/404.html" and 'name="description" content="' not in one.text
    ] == []


def test_the_explorer_is_served_from_here_with_its_licence() -> None:
    assert (SITE / BUNDLE).stat().st_size > 1_000_000
    assert "MIT License" in (SITE / BUNDLE).with_name("LICENSE.txt").read_text(encoding="utf-8")
    assert f"../{BUNDLE}" in page("/reference/").loads
    settings = (SITE / "assets" / "reference.js").read_text(encoding="utf-8")
    assert "withDefaultFonts: false" in settings
    assert "telemetry: false" in settings
    assert re.search(r"agent: \{ disabled: true", settings)


def test_texts_have_a_packed_twin() -> None:
    large = [
        path
        for path in SITE.rglob("*")
        if path.suffix in {".html", ".js", ".css", ".json"} and path.stat().st_size > 2_000
    ]
    assert [path.name for path in large if not path.with_name(f"{path.name}.gz").is_file()] == []


def test_the_lock_of_the_portal_has_hashes_and_no_address() -> None:
    text = LOCK.read_text(encoding="utf-8")
    assert unheld(text) == []
    assert pruned(text) == text
    assert json.loads(text)["packages"]["node_modules/@scalar/api-reference"]["version"] == VERSION


def test_what_npm_adds_to_the_lock_is_dropped() -> None:
    added = json.loads(LOCK.read_text(encoding="utf-8"))
    added["packages"]["node_modules/vue"] = {"version": "3.0.0"}
    added["packages"]["node_modules/axe-core"]["resolved"] = "somewhere"
    assert pruned(json.dumps(added)) == LOCK.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "html",
    [
        "<script src='https://cdn.example.org/x.js'></script>",
        "<link rel=stylesheet href='//fonts.example.org/css'>",
        "<img src=x srcset='/a.png 1x, https://img.example.org/b.png 2x'>",
        "<style>@import 'https://x.example.org/a.css';</style>",
        "<style>a { background: url(//x.example.org/a.png) }</style>",
    ],
)
def test_a_planted_outsider_is_found(html: str) -> None:
    assert outside(Page("/", html))


@pytest.mark.parametrize(
    "html",
    [
        "<script>alert(1)</script>",
        "<a href='javascript:void(0)'>x</a>",
        "<b onclick='x()'>x</b>",
        "<script type=module>1</script>",
    ],
)
def test_planted_code_is_found(html: str) -> None:
    assert Page("/", html).code


@pytest.mark.parametrize("link", ["../nowhere/", "/nowhere/", "#nowhere", "nowhere.png"])
def test_a_planted_dead_end_is_found(link: str) -> None:
    planted = Page("/a/", f"<a href='{link}'>x</a>")
    assert len(list(dead_ends(planted, {"/a/": planted}, set()))) == 1


def test_what_is_fine_is_not_found(tmp_path: Path) -> None:
    fine = Page("/a/", "<a id=x href='https://example.org/'>x</a><script src='../x.js'></script><a href='#x'>y</a>")
    assert outside(fine) == fine.code == []
    assert list(dead_ends(fine, {"/a/": fine}, {"/x.js"})) == []
