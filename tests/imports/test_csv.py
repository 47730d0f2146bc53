"""Files as they come: what is read, what is refused, and what is no CSV at all."""

import os
from pathlib import Path

import pytest

from engage_api.imports.mapping import Form
from engage_api.imports.models import Misuse
from engage_api.imports.readers.csv import LONGEST, Table


def read(folder: Path, content: bytes, **form: str) -> tuple[list[str], list[tuple[int, list[str] | str]]]:
    """The header, and each record with its line: its cells, or why it is refused."""
    path = folder / "file.csv"
    path.write_bytes(content)
    with Table(path, Form.model_validate(form)) as table:
        found = [(row.line, list(row.cells) if why is None else why.code) for row, why in table]
        assert table.size == len(content) == table.position()
        return table.header, found


@pytest.mark.parametrize(
    ("content", "records"),
    [
        (b"a,b\n1,2\n", [(2, ["1", "2"])]),
        (b"a,b\n1,2", [(2, ["1", "2"])]),
        (b"\xef\xbb\xbfa,b\n1,2\n", [(2, ["1", "2"])]),
        (b"a,b\r\n1,2\r\n3,4\r\n", [(2, ["1", "2"]), (3, ["3", "4"])]),
        (b"a,b\r1,2\r", [(2, ["1", "2"])]),
        (b"a,b\n", []),
        (b"a,b\n\n\n1,2\n\n", [(4, ["1", "2"])]),
        (b' a , "b"\n1,2\n', "misuse or space"),
        (b'a,b\n"1\n1",2\n3,4\n', [(2, ["1\n1", "2"]), (4, ["3", "4"])]),
        (b'a,b\n"1\r\n,""1""",2\n', [(2, ['1\r\n,"1"', "2"])]),
        (b"a,b\n1\n1,2,3\n1,2\n", [(2, "cells"), (3, "cells"), (4, ["1", "2"])]),
        (b'a,b\n"1"x,2\n3,4\n', [(2, "csv"), (3, ["3", "4"])]),
        (b'a,b\n1,2\n3,"4\n5,6\n', [(2, ["1", "2"]), (3, "csv")]),
        (b"a,b\n1,\xe9\n", [(2, ["1", "\udce9"])]),
        (b"a,b\n1,\0\n", [(2, ["1", "\0"])]),
        (b"a,b\n1,\xc3\xa9\n", [(2, ["1", "é"])]),
        (b"a,b\n" + b"x" * 140_000 + b",2\n3,4\n", [(2, "csv"), (3, ["3", "4"])]),
        (b"a,b\n" + b"x" * (2 * LONGEST) + b",2\n3,4\n", [(2, "too-long"), (3, ["3", "4"])]),
        (b"a,b\n" + b'"x\n",' * (LONGEST // 4) + b"\n3,4\n", "bounded"),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_records(tmp_path: Path, content: bytes, records: list[tuple[int, list[str] | str]] | str) -> None:
    header, found = read(tmp_path, content)
    if records == "misuse or space":
        assert header == ["a", '"b"']  # a quote after a space is a character like any other
    elif records == "bounded":
        assert found[0] == (2, "too-long")  # where it goes on after that is anybody's guess
    else:
        assert (header, found) == (["a", "b"], records)


def test_other_forms(tmp_path: Path) -> None:
    assert read(tmp_path, b"a;b\n1;2\n", delimiter=";")[1] == [(2, ["1", "2"])]
    assert read(tmp_path, b"a\tb\n1\t2\n", delimiter="\t")[1] == [(2, ["1", "2"])]
    assert read(tmp_path, b"a,b\n1,\x80\n", encoding="windows-1252")[1] == [(2, ["1", "€"])]
    assert read(tmp_path, b"a,b\n1,\x81\n", encoding="windows-1252")[1] == [(2, ["1", "\udc81"])]
    assert read(tmp_path, b"a,b\n1,\xa4\n", encoding="iso-8859-15")[1] == [(2, ["1", "€"])]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "is empty"),
        (b"\xef\xbb\xbf", "is empty"),
        (b"PK\x03\x04rest", "is a spreadsheet or an archive"),
        (b"\x1f\x8brest", "is compressed"),
        ("a,b\n1,2\n".encode("utf-16"), "is UTF-16"),
        (b'"a,b\n1,2\n', "begins with no header line"),
        (b"x" * (2 * LONGEST), "begins with no header line"),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_no_csv(tmp_path: Path, content: bytes, told: str) -> None:
    with pytest.raises(Misuse, match=told):
        read(tmp_path, content)


def test_no_file(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "nothing.csv"):
        with pytest.raises(Misuse, match="cannot read"):
            Table(path, Form())


def test_a_pipe(tmp_path: Path) -> None:
    """No size is known, and it is read to its end."""
    source, sink = os.pipe()
    os.write(sink, b"a,b\n1,2\n")
    os.close(sink)
    with Table(Path(f"/dev/fd/{source}"), Form()) as table:
        assert table.size is None
        assert [row.cells for row, _ in table] == [["1", "2"]]
    os.close(source)
