"""Drops from portal/package-lock.json what npm adds and nobody uses; `make lock` runs it.

The explorer is published as one file that holds all of its parts. Its package lists them as dependencies all the same:
some 270 packages, 240 MB, for one file. What is locked is what package.json names, and `npm ci` installs just that.
"""

import json
from pathlib import Path

LOCK = Path(__file__).with_name("package-lock.json")


def pruned(lock: str) -> str:
    """The lock with the packages that package.json names, without what they depend on."""
    whole = json.loads(lock)
    wanted = whole["packages"][""]
    names = {f"node_modules/{name}" for kind in ("dependencies", "devDependencies") for name in wanted.get(kind, {})}
    whole["packages"] = {name: entry for name, entry in whole["packages"].items() if not name or name in names}
    for name in names:
        for more in ("dependencies", "peerDependencies", "resolved"):
            whole["packages"][name].pop(more, None)
    return json.dumps(whole, indent=2) + "\n"


if __name__ == "__main__":
    LOCK.write_text(pruned(LOCK.read_text(encoding="utf-8")), encoding="utf-8")
