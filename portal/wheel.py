"""Build hook: a wheel carries the migrations and the built portal as data of the package."""

from pathlib import Path
from typing import Any

from hatchling.builders.config import BuilderConfig
from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class Carry(BuildHookInterface[BuilderConfig]):
    """Maps folders beside the package into it; does nothing for an editable install, which finds them in the tree."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if version == "editable":
            return
        root = Path(self.root)
        for source, target in (("migrations", "_migrations"), ("portal/site", "_portal")):
            if (root / source).is_dir():
                build_data["force_include"][str(root / source)] = f"engage_api/{target}"
            else:
                self.app.display_warning(
                    f"{source}/ is missing: the wheel goes without it (`make docs` makes portal/site)"
                )
