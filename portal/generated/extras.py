"""What the site holds besides pages: the explorer's bundle, a summary for language models, compressed twins."""

import gzip
import json
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.pages import Page

PACKAGE = "@scalar/api-reference"
VERSION: str = json.loads((Path(__file__).parents[1] / "package.json").read_text(encoding="utf-8"))["dependencies"][
    PACKAGE
]
BUNDLE = f"assets/scalar/{VERSION}/standalone.js"
"""Its version is in its address, so that browsers may keep it for good."""

TEXTS = {".css", ".html", ".js", ".json", ".svg", ".txt"}
SMALLEST = 1_400  # bytes: less fits in one packet anyway


def copy_bundle(portal: Path, site: Path) -> None:
    """Copy the explorer out of the npm package.

    Raises:
        PluginError: it is not installed, or in another version.
    """
    package = portal / "node_modules" / PACKAGE
    try:
        installed = json.loads((package / "package.json").read_text(encoding="utf-8"))["version"]
    except FileNotFoundError:
        installed = "none"
    if installed != VERSION:
        raise PluginError(
            f"{PACKAGE} {VERSION} is needed in portal/node_modules and {installed} is there: run `make docs`"
        )
    target = site / BUNDLE
    target.parent.mkdir(parents=True)
    shutil.copyfile(package / "dist" / "browser" / "standalone.js", target)
    shutil.copyfile(portal / "licences" / "scalar.txt", target.with_name("LICENSE.txt"))


def write_llms(config: MkDocsConfig, pages: Iterable[Page], site: Path) -> None:
    """Write the site as a list of links with a sentence each (llmstxt.org). The service adds its own address."""
    lines = [f"# {config.site_name}", "", f"> {config.site_description}", "", *_machine(), "", "## Pages", ""]
    lines += [f"- [{page.title}](/{page.url.removeprefix('./')}): {page.meta['description']}" for page in pages]
    (site / "llms.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")


def tidy(site: Path) -> None:
    """Take away what nothing on a page asks for: maps for debuggers, search in other languages, an empty sitemap."""
    shutil.rmtree(site / "assets" / "javascripts" / "lunr")
    for path in (*site.rglob("*.map"), *site.glob("sitemap.xml*")):
        path.unlink()


def compress(site: Path) -> None:
    """Put a gzip twin beside every text that is worth it; the same text always gives the same bytes."""
    for path in sorted(site.rglob("*")):
        if path.suffix in TEXTS and path.is_file() and path.stat().st_size >= SMALLEST:
            twin = path.with_name(f"{path.name}.gz")
            twin.write_bytes(gzip.compress(path.read_bytes(), 9, mtime=0))


def _machine() -> Iterator[str]:
    yield "## For machines"
    yield ""
    yield "- [OpenAPI 3.2](/v1/openapi.json): every operation, model and error"
    yield "- [OpenAPI 3.1](/v1/openapi-3.1.json): the same for tools that do not know 3.2"
    yield "- [AsyncAPI 3.0](/v1/asyncapi.json): every type of event, on the stream and in webhooks"
    yield "- [API catalog](/.well-known/api-catalog): where descriptions are (RFC 9727)"
