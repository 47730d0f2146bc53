"""CSV (RFC 4180) as it comes: streamed, one record at a time, whatever stands in it."""

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Self, TextIO

from engage_api.imports.mapping import Form
from engage_api.imports.models import Misuse, Refusal, Row

LONGEST = 1_048_576  # characters of one record, over however many lines: what is longer is skipped, never held
MAGIC = {
    b"PK\x03\x04": "is a spreadsheet or an archive: save it as CSV",
    b"\x1f\x8b": "is compressed: unpack it first",
    b"\xff\xfe": "is UTF-16: save it as UTF-8",
    b"\xfe\xff": "is UTF-16: save it as UTF-8",
}


class Table:
    """A file with a header line; a context that closes it.

    Raises:
        Misuse: it cannot be read, or has no header that could be meant.
    """

    def __init__(self, path: Path, form: Form) -> None:
        self.path = path
        try:
            self._file: BinaryIO = path.open("rb")
        except OSError as error:
            raise Misuse(f"cannot read {path}: {error.strerror}") from None
        try:
            self._begin(form)
        except BaseException:
            self._file.close()
            raise

    def _begin(self, form: Form) -> None:
        begin = self._file.peek(4)[:4]  # type: ignore[attr-defined]  # a file opened "rb" is buffered
        for magic, what in MAGIC.items():
            if begin.startswith(magic):
                raise Misuse(f"{self.path} {what}")
        # Bytes that are not in the encoding become half surrogates, by which the cell that has them is known.
        encoding = "utf-8-sig" if form.encoding == "utf-8" else form.encoding
        self._text = io.TextIOWrapper(self._file, encoding, errors="surrogateescape", newline="")
        self._lines = _Lines(self._text)
        self._reader = csv.reader(self._lines, delimiter=form.delimiter, strict=True)
        self.header = self._header()

    def _header(self) -> list[str]:
        try:
            cells = next(self._reader)
        except StopIteration:
            raise Misuse(f"{self.path} is empty: there is no header line") from None
        except (csv.Error, TooLong):
            raise Misuse(f"{self.path} begins with no header line that could be read as CSV") from None
        return [cell.strip() for cell in cells]

    def __iter__(self) -> Iterator[tuple[Row, Refusal | None]]:
        """Records; one that cannot be taken comes with the reason and without cells. Blank lines are passed over."""
        while True:
            first = self._lines.begin_record()
            try:
                cells = next(self._reader)
            except StopIteration:
                return
            except TooLong:
                yield Row(first, ()), Refusal("too-long", "The record is too long. Is a quote left open?")
            except csv.Error as error:
                yield Row(first, ()), Refusal("csv", f"This is not CSV: {error}.")
            else:
                if len(cells) == len(self.header):
                    yield Row(first, cells), None
                elif cells:
                    many = f"The line has {len(cells)} cells, the header {len(self.header)}."
                    yield Row(first, ()), Refusal("cells", many)

    @property
    def size(self) -> int | None:
        """Bytes in all, if that is known."""
        status = self.path.stat()
        return status.st_size if self.path.is_file() else None

    def position(self) -> int:
        """Bytes read so far, somewhat ahead of the records."""
        return self._file.tell()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()


class TooLong(Exception):
    """A record that goes on and on."""


class _Lines:
    """Lines of a file, counted; no record gets more than LONGEST characters of them."""

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._number = 0
        self._left = LONGEST

    def begin_record(self) -> int:
        """The number of the line that comes next."""
        self._left = LONGEST
        return self._number + 1

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> str:
        text = self._file.readline(self._left)
        if not text:
            raise StopIteration
        self._number += 1
        self._left -= len(text)
        if self._left <= 0:
            while text and text[-1] not in "\r\n":
                text = self._file.readline(LONGEST)
            raise TooLong
        return text
