"""A start loads what it needs and builds what it uses (goal P12); how long that takes: benchmarks/starting.py."""

import json
import subprocess
import sys

LATER = {"alembic", "argon2", "asyncpg", "jinja2", "opentelemetry.sdk", "redis", "yaml", "zxcvbn"}
LOADED = """
import json, sys
import engage_api.cli, engage_api.server
from sqlmodel import SQLModel
from engage_api.core.model import Input, Model

def below(kind):
    return {one for part in kind.__subclasses__() for one in (part, *below(part))}

kinds = below(SQLModel) | below(Model) - below(Input)
kinds = [one for one in kinds if not one.__pydantic_generic_metadata__["parameters"]]
print(json.dumps([list(sys.modules), len(kinds), [one.__name__ for one in kinds if one.__pydantic_complete__]]))
"""


def test_what_is_used_later_is_loaded_and_built_later() -> None:
    told = subprocess.run([sys.executable, "-c", LOADED], capture_output=True, check=True)
    modules, kinds, built = json.loads(told.stdout)
    assert LATER & set(modules) == set()
    assert kinds > 90
    assert built == []
