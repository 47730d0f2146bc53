"""What may lie in the tree: nothing that only one machine knows, and no lock that says where things were fetched."""

import json
import re
import subprocess
from collections.abc import Iterator

import pytest

from tests.architecture.source import ROOT

# Folders of somebody's machine, and hosts that serve packages. `/tmp` and `/var` are everybody's.
MACHINE = re.compile(r"(?<![\w.:/})-])/(home|root|work|Users|builds?|workspace)/\w|[A-Z]:\\Users\\")
REGISTRY = re.compile(
    r"\b(https?|file)://[^\s/\"'`<>]*(registry|pypi|pythonhosted|npmjs|mirror|artifactory|nexus)", re.IGNORECASE
)
FETCHED = re.compile(r"://|^\s*(-i|--index-url|--extra-index-url|-f|--find-links|--trusted-host)\b", re.MULTILINE)

REQUIREMENTS = ["requirements.lock", "requirements-build.lock", "requirements-dev.lock", "openapi/client.lock"]
NODE = "openapi/package-lock.json"


def tells_a_machine(text: str) -> Iterator[str]:
    for number, line in enumerate(text.splitlines(), start=1):
        if found := MACHINE.search(line) or REGISTRY.search(line):
            yield f"{number}: {found[0]}"


def unhashed(lock: str) -> list[str]:
    """Packages of a requirements lock that no hash holds."""
    entries = re.split(r"\n(?=\S)", lock.strip())
    return [entry.split()[0] for entry in entries if "--hash=sha256:" not in entry]


def unheld(lock: str) -> list[str]:
    """Packages of a Node lock without a hash, or with an address."""
    packages = json.loads(lock)["packages"]
    return [name for name, entry in packages.items() if name and ("resolved" in entry or "integrity" not in entry)]


def files() -> list[str]:
    """Every text file that is in version control or could be put there."""
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, check=False
    )
    if listed.returncode:
        pytest.skip("needs git and a clone: an unpacked archive does not say which files are ours")
    return [name for name in listed.stdout.decode().splitlines() if (ROOT / name).is_file()]


def test_no_file_tells_of_a_machine_or_of_a_registry() -> None:
    told = []
    for name in files():
        try:
            text = (ROOT / name).read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        if name != "tests/architecture/test_tree.py":
            told += [f"{name}:{found}" for found in tells_a_machine(text)]
    assert not told, "\n".join(told)


@pytest.mark.parametrize("name", REQUIREMENTS)
def test_a_lock_of_ours_has_hashes_and_no_address(name: str) -> None:
    lock = (ROOT / name).read_text(encoding="utf-8")
    assert FETCHED.findall(lock) == []
    assert unhashed(lock) == []


def test_the_lock_of_the_judges_has_hashes_and_no_address() -> None:
    assert unheld((ROOT / NODE).read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "line",
    [
        "path = '/home/ada/engage'",
        "see /workspace/engage/README.md",
        r"C:\Users\ada",
        "from https://registry.example.org/x",
        "https://files.pythonhosted.example/a.whl",
    ],
)
def test_a_planted_machine_is_found(line: str) -> None:
    assert len(list(tells_a_machine(f"fine\n{line}\n"))) == 1


@pytest.mark.parametrize(
    "line", ["GET /v1/customers", "https://example.org/home/x", "./workspace/x", "/var/lib/engage", "/tmp/x"]
)
def test_what_everybody_has_is_not_found(line: str) -> None:
    assert list(tells_a_machine(line)) == []


@pytest.mark.parametrize("line", ["--index-url https://x", "-f /wheels", "a @ https://x/a.whl"])
def test_a_planted_address_in_a_lock_is_found(line: str) -> None:
    assert FETCHED.search(f"a==1 \\\n    --hash=sha256:00\n{line}\n")


def test_a_planted_package_that_nothing_holds_is_found() -> None:
    assert unhashed("a==1 \\\n    --hash=sha256:00\nb==2\n") == ["b==2"]
    packages = {"": {}, "a": {"integrity": "x"}, "b": {"integrity": "x", "resolved": "y"}, "c": {}}
    assert unheld(json.dumps({"packages": packages})) == ["b", "c"]
