"""Our own sources as the architecture tests read them: text and syntax, nothing imported."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src" / "engage_api"


@dataclass(frozen=True)
class Module:
    """A Python file. `name` is its path as the rules write it: below the package for ours, below the root else."""

    name: str
    text: str

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text)

    @cached_property
    def aliases(self) -> dict[str, str]:
        """What a name in this module stands for: `from datetime import datetime as d` → `d: datetime.datetime`."""
        known: dict[str, str] = {}
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                known.update(
                    {
                        (a.asname or a.name.split(".")[0]): (a.name if a.asname else a.name.split(".")[0])
                        for a in node.names
                    }
                )
            elif isinstance(node, ast.ImportFrom) and node.module:
                known.update({(a.asname or a.name): f"{node.module}.{a.name}" for a in node.names})
        return known

    @cached_property
    def docstrings(self) -> set[ast.AST]:
        """The nodes that are prose."""
        return {
            node.value
            for node in ast.walk(self.tree)
            if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        }

    def dotted(self, node: ast.expr) -> str:
        """`d.now` → `datetime.datetime.now`; empty for what is not a chain of names."""
        if isinstance(node, ast.Name):
            return self.aliases.get(node.id, node.id)
        if isinstance(node, ast.Attribute) and (base := self.dotted(node.value)):
            return f"{base}.{node.attr}"
        return ""

    def imported(self) -> Iterator[tuple[int, str]]:
        """Line and full name of every module that is imported, wherever in the file."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                yield from ((node.lineno, a.name) for a in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
                yield from ((node.lineno, f"{node.module}.{a.name}") for a in node.names)


def modules(folder: Path = PACKAGE, base: Path = PACKAGE) -> list[Module]:
    """Every Python file below the folder, in order."""
    files = sorted(folder.rglob("*.py"))
    return [Module(file.relative_to(base).as_posix(), file.read_text(encoding="utf-8")) for file in files]
