"""What an import tells: figures at the end, and every line that was refused, with why."""

import json
from collections import Counter
from collections.abc import Sequence
from typing import Any, TextIO

from engage_api.imports.models import Refusal, Result

SHOWN = 20  # refused lines that are kept to be shown; the file of the report has all of them


class Report:
    """Counts, and the first refusals; the others go to `file` as JSON Lines at once, so memory stays as it is."""

    def __init__(self, kinds: Sequence[str], file: TextIO | None = None) -> None:
        self.lines = 0
        self.refused = 0
        self.repeated = 0  # lines that say what a line before them said
        self.shown: list[dict[str, Any]] = []
        self.counts = {kind: {"created": 0, "changed": 0, "unchanged": 0} for kind in kinds}
        self.channels: Counter[str] = Counter()
        self._file = file
        self._last = 0

    def refuse(self, line: int, refusals: Sequence[Refusal]) -> None:
        """A line is not imported."""
        self.refused += 1
        told = [refusal.as_json(line) for refusal in refusals]
        if self.refused <= SHOWN:
            self.shown += told
        if self._file is not None:
            self._file.writelines(json.dumps(one, ensure_ascii=False) + "\n" for one in told)

    def add(self, result: Result) -> None:
        """What became of some lines."""
        for kind, outcome in result.outcomes:
            self.counts[kind][outcome] += 1
        if result.channel is not None:
            self.channels[result.channel] += 1
        for line, refusals in result.refused:
            self.refuse(line, refusals)

    def as_json(self) -> dict[str, Any]:
        """The figures."""
        found: dict[str, Any] = {f"{kind}s": counts for kind, counts in self.counts.items()}
        if self.channels:
            found["casesByChannel"] = dict(self.channels.most_common())
        return {"lines": self.lines, "refused": self.refused, "repeated": self.repeated, **found, "errors": self.shown}

    def as_text(self) -> list[str]:
        """The figures, for people."""
        told = []
        for kind, counts in self.counts.items():
            told.append(f"  {kind + 's':<10}" + ", ".join(f"{number:,} {what}" for what, number in counts.items()))
        if self.channels:
            told.append("  by channel " + ", ".join(f"{name} {n:,}" for name, n in self.channels.most_common()))
        if self.repeated:
            told.append(f"  {self.repeated:,} lines say what a line before them said")
        if self.refused:
            told.append(f"  {self.refused:,} lines refused")
        return told
