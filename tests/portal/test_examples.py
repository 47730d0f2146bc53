"""Docs that cannot lie: every example on the pages is run against a service, and prints what the page says."""

import os
import re
import shutil
from dataclasses import replace
from fnmatch import fnmatch
from pathlib import Path

import httpx
import pytest

from engage_api.core.scopes import Scope
from tests.portal import examples
from tests.portal.conftest import ENGAGE, Service
from tests.portal.examples import Block

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs" / "en"
PAGES = sorted(page for page in DOCS.rglob("*.md") if examples.steps(page))
DEMO = "_demo"  # org_demo, app_demo, sbx_demo
APART = {"backup.md"}  # stops and starts the service between its steps: test_backup.py
SHOWN = {"json", "http", "text", "nginx", "python"}  # a program that needs a person: tests/oauth/test_judge_people.py
SHOWN |= {"javascript", "php", "java"}  # lines that verify a signature: tests/webhooks/test_verifying.py runs them

needs_curl = pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl, which the examples use")


@needs_curl
@pytest.mark.parametrize("page", [page for page in PAGES if page.name not in APART], ids=lambda page: page.stem)
def test_every_example_prints_what_its_page_says(page: Path, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    """A page that speaks of the demo by its name has a service to itself; the others share one, and no data."""
    apart = DEMO in page.read_text(encoding="utf-8")
    follow(page, request.getfixturevalue("service" if apart else "newcomer"), tmp_path)


def follow(page: Path, service: Service, where: Path) -> None:
    """Do what the page says, in the folder `where`, and see what it says that it prints."""
    steps = examples.steps(page)
    printed = done(page, service, where, ENGAGE.parent)
    assert len(printed) == len(steps)
    wrong = [
        f"{page.name}:{said.line}: {difference}"
        for (_, said), text in zip(steps, printed, strict=True)
        if said is not None
        for difference in examples.differences(said, text, service.base)
    ]
    assert not wrong, "\n".join(wrong)


def done(page: Path, service: Service, where: Path, tools: Path) -> list[str]:
    """What each step prints, with the command `engage` of the folder `tools`."""
    commands = [block.text.replace(examples.PLACEHOLDER, service.base) for block, _ in examples.steps(page)]
    environment = {
        **os.environ,
        "KEY": service.key,
        "ENGAGE_DATA_DIR": str(service.folder / "var"),
        "PATH": f"{tools}{os.pathsep}{os.environ['PATH']}",
    }
    return examples.run(commands, where, environment)


@needs_curl
def test_without_the_command_the_stream_brings_the_event_of_the_first_deadline(
    newcomer: Service, tmp_path: Path
) -> None:
    absent = tmp_path / "engage"
    absent.write_text("#!/bin/sh\necho 'engage: command not found' >&2\nexit 127\n")
    absent.chmod(0o755)
    told = done(DOCS / "first-deadline.md", newcomer, tmp_path, tmp_path)
    assert any("command not found" in text for text in told)
    assert told[-1].startswith("data: ")
    assert '"engage.task.overdue.v1"' in told[-1]


@needs_curl
def test_the_quickstart_can_be_done_again_with_another_key(newcomer: Service, tmp_path: Path) -> None:
    page, service = DOCS / "quickstart.md", newcomer
    for _ in range(2):
        follow(page, service, tmp_path)
        wanted = {"name": "Another", "scopes": [scope.value for scope in Scope]}
        made = httpx.post(
            f"{service.base}/v1/api-keys", json=wanted, headers={"Authorization": f"Bearer {service.key}"}
        )
        service = replace(service, key=made.json()["key"])


def test_the_start_page_and_the_quickstart_are_among_them() -> None:
    assert {"index.md", "quickstart.md", "authentication.md", "backup.md"} <= {page.name for page in PAGES}
    assert sum(len(examples.steps(page)) for page in PAGES) >= 40


@pytest.mark.parametrize("page", sorted(DOCS.rglob("*.md")), ids=lambda page: page.stem)
def test_nothing_that_could_be_run_hides_from_it(page: Path) -> None:
    for block in examples.blocks(page):
        assert block.language in SHOWN | {"bash"}, f"{page.name}:{block.line} is {block.language or 'of no language'}"
        assert block.language == "bash" or "curl " not in block.text, (
            f"{page.name}:{block.line} has a curl that nobody runs"
        )


def test_what_the_commands_write_is_not_for_git() -> None:
    """In the project's folder, where they may be run; keys are in some of it."""
    ignored = [line[1:] for line in (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines() if line[:1] == "/"]
    written = {
        name
        for page in DOCS.rglob("*.md")
        for block, _ in examples.steps(page)
        for name in re.findall(r"(?:> ?|\btee )(\w+\.[a-z]+)\b", block.text)
    }
    assert "sandbox.json" in written
    assert {name for name in written if not any(fnmatch(name, pattern) for pattern in ignored)} == set()


def test_what_make_is_asked_for_exists() -> None:
    asked = {
        word
        for page in DOCS.rglob("*.md")
        for block in examples.blocks(page)
        for word in re.findall(r"^make ([a-z-]+)", block.text, re.MULTILINE)
    }
    rules = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    assert "run" in asked
    assert asked <= rules


@pytest.mark.parametrize(
    ("language", "said", "printed"),
    [
        ("json", '{"a": 1}', '{"a": 2}'),
        ("json", '{"a": 1}', '{"a": true}'),
        ("json", '{"a": 1}', '{"a": 1, "b": 2}'),
        ("json", '{"a": 1, "…": "…"}', '{"b": 2}'),
        ("json", "[1]", "[1, 2]"),
        ("json", '[1, 2, "…"]', "[1]"),
        ("json", '"eng_test_…"', '"eng_live_x"'),
        ("json", '"cus_01kb0m5xnye0rt2e5v3h4q8zj9"', '"cas_01kb0m5xnye0rt2e5v3h4q8zj9"'),
        ("json", '"2026-11-21T20:00:00.000Z"', '"today"'),
        ("http", "HTTP/1.1 200 OK\n", "HTTP/1.1 201 Created\r\n\r\n"),
        ("http", "etag: …\n", "HTTP/1.1 200 OK\r\n\r\n"),
        ("text", "204\n", "401\n"),
    ],
)
def test_a_planted_lie_is_found(language: str, said: str, printed: str) -> None:
    assert examples.differences(Block(language, said, 1), printed, "http://127.0.0.1:1")


@pytest.mark.parametrize(
    ("language", "said", "printed"),
    [
        ("json", '{"a": 1, "…": "…"}', '{"b": 2, "a": 1}'),
        ("json", '[1, "…"]', "[1, 2]"),
        ("json", '"cus_01kb0m5xnye0rt2e5v3h4q8zj9"', '"cus_00000000000000000000000000"'),
        ("json", '"http://127.0.0.1:8000/x"', '"http://127.0.0.1:1/x"'),
        ("http", "HTTP/1.1 200 OK\nETag: …\n", 'HTTP/1.1 200 OK\r\netag: "x"\r\n\r\nbody'),
    ],
)
def test_what_agrees_is_not_found(language: str, said: str, printed: str) -> None:
    assert not examples.differences(Block(language, said, 1), printed, "http://127.0.0.1:1")
