"""Lines of a file into cases: lines with the same external id are one case, in whatever order they come."""

from collections.abc import Iterable, Sequence

from engage_api.cases.models import CaseCreate
from engage_api.cases.tasks.models import TaskCreate
from engage_api.imports.cases.unit import CaseUnit, Line
from engage_api.imports.cells import Cells
from engage_api.imports.mapping import Mapping
from engage_api.imports.models import Refusal, Refused, Row, Wanted
from engage_api.imports.report import Report
from engage_api.imports.sections import Bound
from engage_api.imports.seen import Earlier, Seen

MOST_TOGETHER = 200  # lines of one case


class CaseLines:
    """A mapping of cases, bound to the header of a file."""

    def __init__(self, mapping: Mapping, header: Sequence[str], seen: Seen, report: Report) -> None:
        assert mapping.case is not None  # noqa: S101  # the mapping has been checked
        self._case = Bound("case", mapping.case, CaseCreate, header, mapping.zone)
        self._task = Bound("task", mapping.task, TaskCreate, header, mapping.zone) if mapping.task else None
        self._own = sorted(self._task.columns - self._case.columns) if self._task else []
        self._seen = seen
        self._report = report
        self._last: tuple[tuple[str, ...], Wanted] | None = None
        self._open: CaseUnit | None = None

    def units(self, rows: Iterable[Row], *, more: bool) -> list[CaseUnit]:
        """The cases of some lines, with their tasks. What cannot be read, or contradicts a line before, is refused.

        While there are `more` lines, the last case is kept back, because they may be about it, too: a case whose lines
        stand together is written in one piece.
        """
        found = {self._open.case.key: self._open} if self._open else {}
        unit, self._open = self._open, None
        for row in rows:
            try:
                case, task = self._read(row.cells)
                first, new = self._notes(row, case, task)
            except Refused as refused:
                self._report.refuse(row.line, refused.refusals)
                continue
            if not new:
                self._report.repeated += 1
                continue
            unit = found.setdefault(case.key, CaseUnit(case, counts=first))
            unit.lines.append(Line(row.line, task))
        if more and unit is not None and len(unit.lines) < MOST_TOGETHER:
            self._open = found.pop(unit.case.key)
        return list(found.values())

    def _read(self, cells: Cells) -> tuple[Wanted, Wanted | None]:
        """The case and the task of a line; everything that is wrong with either is told at once."""
        wrong: list[Refusal] = []
        case = task = None
        try:
            case = self._read_case(cells)
        except Refused as refused:
            wrong += refused.refusals
        try:
            if self._task and any(cells[at].strip() for at in self._own):
                task = self._task.read(cells)
        except Refused as refused:
            wrong += refused.refusals
        if wrong or case is None:
            raise Refused(wrong)
        return case, task

    def _read_case(self, cells: Cells) -> Wanted:
        """Most files have the lines of one case together: the last one is kept."""
        read = self._case.cells(cells)
        if self._last is None or self._last[0] != read:
            self._last = read, self._case.read(cells)
        return self._last[1]

    def _notes(self, row: Row, case: Wanted, task: Wanted | None) -> tuple[bool, bool]:
        """Whether the line is the first about its case, and whether it says anything new.

        Raises:
            Refused: another line said otherwise. The first one counts, whichever it is.
        """
        task_earlier = None
        if task is not None:
            said = case.key.encode() + task.said
            task_earlier = self._agreed("task", self._seen.note("task", task.key, said, row.line))
        case_earlier = self._agreed("case", self._seen.note("case", case.key, case.said, row.line))
        return case_earlier is None, case_earlier is None or (task is not None and task_earlier is None)

    def _agreed(self, what: str, earlier: Earlier | None) -> Earlier | None:
        if earlier is not None and not earlier.same:
            raise Refused([Refusal("contradiction", f"Line {earlier.line} says otherwise about the same {what}.")])
        return earlier
