"""A long file takes no more memory than a short one."""

import tracemalloc
from pathlib import Path

import pytest

from engage_api.imports import catalogue
from engage_api.imports.cases.lines import CaseLines
from engage_api.imports.readers.csv import Table
from engage_api.imports.report import SHOWN, Report
from engage_api.imports.seen import Seen
from tests.counts import Count
from tests.imports.harness import HEADER, TICKETS


def peak(path: Path, lines: int) -> float:
    """KiB that reading takes at most, when every tenth line is refused and no two lines of a case stand together."""
    with path.open("w") as file:
        file.write(HEADER + "\n")
        for n in range(lines):
            by = "pigeon" if n % 10 == 0 else "site"
            file.write(f"T{n % (lines // 5)},{by},2026-03-01 09:00,,red,S{n},Look,Ann,\n")
    mapping, seen = catalogue.parse(TICKETS.encode(), "m"), Seen()
    with Table(path, mapping.file) as table, Path("/dev/null").open("w") as nowhere:
        report = Report(("case", "task"), nowhere)
        reading, chunk = CaseLines(mapping, table.header, seen, report), []
        tracemalloc.start()
        for row, _ in table:
            chunk.append(row)
            if len(chunk) == 200:
                reading.units(chunk, more=True)
                chunk.clear()
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    seen.close()
    assert (report.refused, len(report.shown)) == (lines // 10, SHOWN)
    return most / 1024


@pytest.mark.slow
def test_a_long_file_takes_no_more_than_a_short_one(tmp_path: Path, count: Count) -> None:
    short, long = peak(tmp_path / "short.csv", 1_000), peak(tmp_path / "long.csv", 15_000)
    count("memory of reading", most_kib_short=round(short), most_kib_long=round(long))
    assert long < short + 200
