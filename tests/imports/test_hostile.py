"""Files that mean harm: every column gets every nasty cell. A line is imported or refused with its place, nothing else,
and the same file again changes nothing.
"""

import random

import pytest

from engage_api.imports import catalogue
from tests.attack.corpus import MOMENTS, TEXTS
from tests.counts import Count
from tests.imports.harness import FIRST, HEADER, World, created, lines, nothing_done

CELLS = [
    *(text.encode(errors="surrogatepass") for text in TEXTS.values()),
    *(str(moment).encode(errors="surrogatepass") for moment in MOMENTS),
    b"=1+1",
    b"@SUM(A1)",
    b"+cmd|' /C calc'!A0",
    b"\xef\xbc\x9d1+1",
    b"\0",
    b"a\0b",
    b"\xff\xfe",
    b"\xc3",
    b"\xed\xa0\x80",
    b"x" * 201,
    b"x" * 10_001,
    b"x" * 131_073,
    b"\xef\xb7\xba" * 200,
    b"'; DROP TABLE task; --",
    b"{ticket}{{7*7}}%s%n${jndi:ldap://x}",
    b"\r\n",
    b"\r",
    b"\x1f",
    b"\xe2\x80\xa8",
    b"2026-03-01 09:00 ",
    b"0000-00-00 00:00",
    b"9999-12-31 23:59",
    b"0001-01-01 00:00",
    b"2026-03-29 02:30",
]
FAULTS = [b"", b'"', b'""', b",", b"\n", b"\r", b"\0", b"\xff", b"="]


def quoted(cell: bytes) -> bytes:
    return b'"' + cell.replace(b'"', b'""') + b'"'


async def test_every_cell_in_every_column(world: World, count: Count) -> None:
    written: list[bytes] = []
    for column in range(len(HEADER.split(","))):
        for cell in CELLS:
            line = FIRST.replace("T1,", f"T{len(written)},").replace("S1,", f"S{len(written)},").encode().split(b",")
            line[column] = quoted(cell)
            written.append(b",".join(line))
    report = await world.take(lines(written))
    assert report.lines == len(written)
    assert created(report)["task"] + report.repeated + report.refused == len(written)
    assert report.refused > len(written) / 2
    again = await world.take(lines(written))
    assert nothing_done(again)
    assert (again.lines, again.refused, again.repeated) == (report.lines, report.refused, report.repeated)
    count("hostile lines", lines=report.lines, refused=report.refused)


async def test_bytes_at_random(world: World, count: Count) -> None:
    """Real lines with bytes changed, lost and doubled: no file stops the import."""
    chance = random.Random(5)
    good = [FIRST.replace("T1,", f"T{n},").replace("S1,", f"S{n},") for n in range(60)]
    whole, taken = (HEADER + "\n" + "\n".join(good) + "\n").encode(), 0
    for _ in range(25):
        content = bytearray(whole)
        for _ in range(chance.randrange(1, 60)):
            at = chance.randrange(len(HEADER) + 1, len(content))
            content[at : at + chance.randrange(3)] = chance.choice(
                [b"", b'"', b",", b"\n", b"\r", b"\0", b"\xff", b"=", b'""']
            )
        report = await world.take(bytes(content))
        taken += report.lines - report.refused
        assert nothing_done(await world.take(bytes(content)))
    count("files with random faults", files=25, lines_taken=taken)


@pytest.mark.parametrize("name", ["name", "email", "kvk", "segments", "since"])
async def test_customers(world: World, name: str) -> None:
    mapping = catalogue.find("customers", "customers")
    header = "id,kind,name,email,phone,kvk,language,segments,since"
    written: list[bytes] = []
    for cell in CELLS:
        line = dict.fromkeys(header.split(","), b"") | {"id": b"c:%d" % len(written), "kind": b"person", "name": b"Z"}
        written.append(b",".join(quoted(value) for value in (line | {name: cell}).values()))
    content = b"\n".join([header.encode(), *written])
    report = await world.take(content, mapping)
    assert (report.lines, report.repeated) == (len(CELLS), 0)
    assert report.refused + created(report)["customer"] == len(CELLS)
    assert nothing_done(await world.take(content, mapping))
