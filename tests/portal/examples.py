"""Examples out of the portal's pages: fenced blocks, run in one shell, and what they say that the answer is.

A `bash` block is run. The block after it, if it is `json`, `http` or `text`, is what it should print:

* `json`: the same value. `"…"` in a text stands for any text, `"…": "…"` for further members, `"…"` at the end of a
  list for further items; ids and times only have to have their form.
* `http`: each of these lines is among the headers.
* `text`: the same lines.
"""

import json
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FENCE = re.compile(
    r"^(?P<indent> *)```(?P<language>[a-z]*)[^\n]*\n(?P<text>.*?)^(?P=indent)```$", re.MULTILINE | re.DOTALL
)
FORMS = (
    re.compile(r"[a-z]{3}_[0-9a-z]{26}"),
    re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"),
)
PLACEHOLDER = "http://127.0.0.1:8000"
SAYS = {"json", "http", "text"}
BETWEEN = "\x1e"
ANY = "…"


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block and the number of its first line."""

    language: str
    text: str
    line: int


def blocks(page: Path) -> list[Block]:
    """The fenced blocks of a page."""
    whole = page.read_text(encoding="utf-8")
    return [
        Block(found["language"], found["text"], whole.count("\n", 0, found.start()) + 1)
        for found in FENCE.finditer(whole)
    ]


def steps(page: Path) -> list[tuple[Block, Block | None]]:
    """Each block that is run, with the block that says what it prints."""
    all_blocks = blocks(page)
    return [
        (block, next((after for after in all_blocks[at : at + 1] if after.language in SAYS), None))
        for at, block in enumerate(all_blocks, start=1)
        if block.language == "bash"
    ]


def run(commands: list[str], where: Path, environment: dict[str, str]) -> list[str]:
    """What each command printed; they share one shell, and the first that fails ends it."""
    script = "set -euo pipefail\n" + "printf '\\x1e'\n".join(f"{command}\n" for command in commands)
    done = subprocess.run(
        ["bash", "-c", script], cwd=where, env=environment, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, f"{done.stderr}\nafter: {done.stdout[-2000:]}"
    return done.stdout.split(BETWEEN)


def differences(expected: Block, printed: str, base: str) -> list[str]:
    """In what the output is not what the page says; nothing is agreement."""
    text = expected.text.replace(PLACEHOLDER, base)
    if expected.language == "json":
        return list(_unlike(json.loads(text), json.loads(printed), "$"))
    if expected.language == "http":
        lines = printed.split("\n\n", maxsplit=1)[0].replace("\r", "").splitlines()
        return [line for line in text.splitlines() if not any(_fits(line, actual) for actual in lines)]
    given, told = printed.strip().splitlines(), text.strip().splitlines()
    return [] if given == told else [f"printed {given}"]


def _fits(pattern: str, actual: str) -> bool:
    return re.fullmatch(".*".join(map(re.escape, pattern.split(ANY))), actual, re.IGNORECASE) is not None


def _unlike(said: Any, real: Any, place: str) -> Iterator[str]:
    if isinstance(said, dict) and isinstance(real, dict):
        names = set(said) - {ANY}
        if ANY not in said:
            yield from (f"{place}.{name} is not on the page" for name in set(real) - names)
        for name in names:
            yield from _unlike(said[name], real[name], f"{place}.{name}") if name in real else [f"no {place}.{name}"]
    elif isinstance(said, list) and isinstance(real, list):
        more = said[-1:] == [ANY]
        shown = said[:-1] if more else said
        if len(real) < len(shown) or (len(real) > len(shown) and not more):
            yield f"{place} has {len(real)} items"
        for at, (one, other) in enumerate(zip(shown, real, strict=False)):
            yield from _unlike(one, other, f"{place}[{at}]")
    elif not _same(said, real):
        yield f"{place} is {real!r}"


def _same(said: Any, real: Any) -> bool:
    if not (isinstance(said, str) and isinstance(real, str)):
        return said == real and type(said) is type(real)
    for form in FORMS:
        if form.fullmatch(said):
            return (
                form.fullmatch(real) is not None and said[:4] == real[:4] if "_" in said else bool(form.fullmatch(real))
            )
    return re.fullmatch(".*".join(map(re.escape, said.split(ANY))), real, re.DOTALL) is not None
