"""What happens at a build besides MkDocs itself: generated pages and tables, the explorer, compressed twins."""

import re
import sys
from itertools import groupby
from operator import itemgetter
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files
from mkdocs.structure.nav import Navigation
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))  # MkDocs loads a hook alone; ours has files beside it

from engage_api.core.problem import Problem  # noqa: E402  # the line above comes first
from portal.generated import catalogue, extras, operations, problems  # noqa: E402  # as above
from portal.generated.tables import TABLES  # noqa: E402  # as above

CHANGELOG_HEAD = "---\ntitle: Changelog\ndescription: What each release brings.\n---\n"
PAGES: list[Page] = []
MADE = {**TABLES, "event-types": catalogue.event_types}
PLACE = re.compile(r"<!-- generated: ([a-z-]+) -->")
HEADING_OR_TABLE = re.compile(r"<h[1-6][^>]*>(?P<heading>.*?)<a class=\"headerlink\"|<table>.*?</table>", re.DOTALL)
TAG = re.compile(r"<[^>]+>")


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Put the pages that nobody writes into the navigation, and tell the templates of the bundle."""
    entries = [{code: f"problems/{code}.md"} for code in sorted(Problem.known)]
    for section in config.nav or []:
        if "Errors" in section:
            section["Errors"].append({"Problem types": [{"By status": "problems/index.md"}, *entries]})
        if "Reference" in section:
            section["Reference"].append({"Event types": [{title: path} for title, path, _ in catalogue.pages()]})
            section["Reference"] += [
                {tag: [{title: path} for _, title, path, _ in group]}
                for tag, group in groupby(operations.pages(), key=itemgetter(0))
            ]
    config.extra["explorer"] = extras.BUNDLE
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that nobody writes."""
    files.append(File.generated(config, "problems/index.md", content=problems.index()))
    for code, kind in Problem.known.items():
        files.append(File.generated(config, f"problems/{code}.md", content=problems.page(kind)))
    for _, _, path, text in operations.pages():
        files.append(File.generated(config, path, content=text))
    for _, path, text in catalogue.pages():
        files.append(File.generated(config, path, content=text))
    changes = CHANGELOG_HEAD + (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    files.append(File.generated(config, "changelog.md", content=changes))
    return files


def on_nav(nav: Navigation, **_: object) -> None:
    """Remember the pages in their order: what they say of themselves is known when all are built."""
    PAGES[:] = nav.pages


def on_page_markdown(markdown: str, page: Page, **_: object) -> str:
    """Put tables where a page asks for them."""

    def fill(place: re.Match[str]) -> str:
        if place[1] not in MADE:
            raise PluginError(f"{page.file.src_uri}: nothing generates {place[1]!r}")
        return MADE[place[1]]()

    return PLACE.sub(fill, markdown)


def on_page_content(html: str, page: Page, **_: object) -> str:
    """Let the keyboard into tables, which scroll sideways where the screen is narrow; each is named by its heading."""
    under = page.title

    def wrap(found: re.Match[str]) -> str:
        nonlocal under
        if found["heading"] is not None:
            under = TAG.sub("", found["heading"])
            return found[0]
        return f'<div class="portal-table" role="group" tabindex="0" aria-label="Table: {under}">{found[0]}</div>'

    return HEADING_OR_TABLE.sub(wrap, html)


def on_post_build(config: MkDocsConfig) -> None:
    """Add what is no page."""
    site = Path(config.site_dir)
    extras.copy_bundle(ROOT / "portal", site)
    extras.write_llms(config, PAGES, site)
    extras.tidy(site)
    extras.compress(site)
