"""An import from the command line: the database opened, the file read to its end, the figures told."""

import asyncio
import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import TextIO

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from engage_api.access import operator
from engage_api.db import open_database
from engage_api.db.errors import Unavailable
from engage_api.db.migrate import upgrade
from engage_api.imports import catalogue
from engage_api.imports.models import Misuse
from engage_api.imports.readers.csv import Table
from engage_api.imports.report import Report
from engage_api.imports.service import KINDS, Import
from engage_api.settings import Misconfigured, Settings, read


@dataclass(frozen=True, slots=True)
class Order:
    """What is asked for: cases or customers, from which file, by which mapping, into which workspace; `report` is
    where the refused lines go.
    """

    of: str
    file: Path
    mapping: str
    workspace: str
    report: Path | None


@dataclass(frozen=True, slots=True)
class Told:
    """What there is to say about an import: `seconds` of work, and whether it came to the end of the file."""

    order: Order
    report: Report
    seconds: float
    finished: bool

    @property
    def complete(self) -> bool:
        """Whether all that the file says is in."""
        return self.finished and not self.report.refused

    def refused(self) -> Iterator[str]:
        """The first refused lines, and how many more there are."""
        for error in self.report.shown:
            place = error.get("column") or error.get("pointer")
            yield f"line {error['line']}: {f'{place}: ' if place else ''}{error['detail']}"
        more = self.report.refused - len({error["line"] for error in self.report.shown})
        if more > 0:
            where = f"they are in {self.order.report}" if self.order.report else "--report FILE tells all"
            yield f"and {more:,} lines more; {where}"

    def as_json(self) -> str:
        """One JSON object."""
        head = {
            "file": str(self.order.file),
            "mapping": self.order.mapping,
            "workspace": self.order.workspace,
            "finished": self.finished,
        }
        pace = {"seconds": round(self.seconds, 3), "linesPerSecond": round(self._pace)}
        return json.dumps({**head, **self.report.as_json(), **pace}, ensure_ascii=False)

    def as_text(self) -> str:
        """The same for people."""
        what = "Imported" if self.finished else "Stopped in"
        head = f"{what} {self.order.file} with {self.order.mapping} into {self.order.workspace}: "
        pace = f"{self.report.lines:,} lines in {self.seconds:.1f} s, {self._pace:,.0f} a second."
        return "\n".join([head + pace, *self.report.as_text()])

    @property
    def _pace(self) -> float:
        return self.report.lines / self.seconds if self.seconds else 0.0


class Stopped(Exception):
    """It did not come to the end. Nothing is half written, and another run goes on where this one stopped."""

    def __init__(self, reason: str, told: Told) -> None:
        super().__init__(f"{reason}. Run the same command again to go on.")
        self.told = told


def carry_out(order: Order) -> Told:
    """Import a file. Shows how far it is where somebody looks on (standard error is a terminal).

    Raises:
        Misuse: it could not begin, and nothing was imported.
        Stopped: the database went away, or somebody interrupted it.
    """
    mapping = catalogue.find(order.mapping, order.of)
    with ExitStack() as opened:
        table = opened.enter_context(Table(order.file, mapping.file))
        report = Report(KINDS[mapping.of], opened.enter_context(_written(order)))
        settings = _prepared()
        began = monotonic()
        try:
            with _progress(table) as progress:
                asyncio.run(_work(settings.database, order.workspace, Import(mapping, table, report), progress))
        except operator.Unknown as unknown:
            raise Misuse(str(unknown)) from None
        except (Unavailable, KeyboardInterrupt, OSError) as error:
            reason = f"the import was stopped after {report.lines:,} lines: {str(error) or 'interrupted'}"
            raise Stopped(reason, Told(order, report, monotonic() - began, finished=False)) from None
        return Told(order, report, monotonic() - began, finished=True)


async def _work(url: str, workspace: str, job: Import, progress: Callable[[], None]) -> None:
    db = await open_database(url)
    try:
        await job.run(db, await operator.principal(db, workspace), progress)
    finally:
        await db.close()


def _prepared() -> Settings:
    """The settings, with the database they name brought to the schema of this version."""
    try:
        settings = read()
        upgrade(settings.owner_database, new=False)
    except (Misconfigured, Unavailable, OSError) as error:
        raise Misuse(str(error)) from None
    return settings


@contextmanager
def _written(order: Order) -> Iterator[TextIO | None]:
    """The file for the refused lines, written anew."""
    if order.report is None:
        yield None
        return
    if order.report.exists() and order.report.samefile(order.file):
        raise Misuse("the report would overwrite the file that is imported")
    try:
        file = order.report.open("w", encoding="utf-8")
    except OSError as error:
        raise Misuse(f"cannot write {order.report}: {error.strerror}") from None
    with file:
        yield file


@contextmanager
def _progress(table: Table) -> Iterator[Callable[[], None]]:
    """What to call now and then, so that whoever looks on sees a bar."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(table.path.name, total=table.size)
        yield lambda: bar.update(task, completed=table.position() if table.size else 0)
