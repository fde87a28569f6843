"""CSV files: columns of numbers, read line by line and written row by row."""

import csv
import io
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Final

import numpy as np

from app.uploads.errors import UploadError, at
from app.uploads.safetensor_files import header_of
from engine import bounds

LONGEST_LINE: Final = 1 << 20
ROOM_FOR_HEADER: Final = 1024
ROWS_AT_ONCE: Final = 1024
PREVIEW_ROWS: Final = 8
DELIMITERS: Final = ",;\t|"
MISSING: Final = frozenset({"", "na", "n/a", "nan", "null", "none", "-", "?", "."})
VALUES: Final = "values"
DOUBLE: Final = np.dtype("<f8")


@dataclass(slots=True)
class Column:
    """What is known of a column so far.

    Attributes:
        left_out: Why it is not kept; "" where it is.
    """

    name: str
    left_out: str = ""
    known: int = 0
    missing: int = 0
    low: float = math.inf
    high: float = -math.inf
    total: float = 0.0

    def take(self, text: str, line: int) -> float:
        """Return the number of a cell, NaN where it is missing or the column is no numbers."""
        if self.left_out:
            return math.nan
        bare = text.strip()
        if bare.lower() in MISSING:
            self.missing += 1
            return math.nan
        try:
            value = float(bare)
        except ValueError:
            told = f"line {line} holds {bare[:40]!r}"
            if self.known:
                raise UploadError(
                    [at(self.name, f"expected a number or nothing, but {told}")]
                ) from None
            self.left_out = f"no numbers: {told}"
            return math.nan
        if not math.isfinite(value):
            raise UploadError([at(self.name, f"line {line}: expected a finite number, got {bare}")])
        self.known += 1
        self.total += value
        self.low, self.high = min(self.low, value), max(self.high, value)
        return value

    def described(self) -> dict[str, Any]:
        """Return the column as a description tells it."""
        return {
            "name": self.name,
            "missing": self.missing,
            "low": self.low,
            "high": self.high,
            "mean": self.total / self.known,
        }


@dataclass(slots=True)
class Table:
    """A CSV file that was read: what its columns hold, and its first rows."""

    columns: list[Column]
    rows: int = 0
    preview: list[list[float | None]] = field(default_factory=list)

    @property
    def kept(self) -> list[int]:
        """Numbers of the columns that are kept."""
        return [i for i, column in enumerate(self.columns) if not column.left_out]

    def described(self) -> dict[str, Any]:
        """Return what a description tells."""
        return {
            "rows": self.rows,
            "order": [column.name for column in self.columns],
            "columns": [self.columns[i].described() for i in self.kept],
            "left_out": [
                {"name": column.name, "reason": column.left_out}
                for column in self.columns
                if column.left_out
            ],
            "preview": [[row[i] for i in self.kept] for row in self.preview],
        }


def copy_table(source: Path, target: BinaryIO, wanted: Sequence[str] = ()) -> Table:
    """Write the columns of a CSV file as one tensor `values` (rows, columns), float64.

    Columns without numbers hold NaN there, and are not kept.

    Args:
        source: The file.
        target: What is written to, from its beginning.
        wanted: Keep these columns alone; all that hold numbers where empty.

    Raises:
        UploadError: The file is no table of numbers.
    """
    target.write(b" " * ROOM_FOR_HEADER)
    with source.open("rb") as raw, io.TextIOWrapper(raw, encoding="utf-8-sig", newline="") as file:
        try:
            table = _copied(_lines(file), target, wanted)
        except UnicodeDecodeError as err:
            raise UploadError(f"expected UTF-8 text, but byte {err.start} is none") from err
        except csv.Error as err:
            raise UploadError(f"no table: {err}") from err
    if not table.kept or not any(table.columns[i].known for i in table.kept):
        raise UploadError("no column holds numbers")
    for i in table.kept:
        if not table.columns[i].known:
            table.columns[i].left_out = "every value is missing"
    target.seek(0)
    shape = (table.rows, len(table.columns))
    target.write(header_of([(VALUES, DOUBLE, shape)], padded_to=ROOM_FOR_HEADER))
    return table


def _lines(file: io.TextIOWrapper) -> Iterator[str]:
    """Yield lines, none of which can fill the memory."""
    number = 0
    while line := file.readline(LONGEST_LINE):
        number += 1
        if len(line) == LONGEST_LINE:
            raise UploadError(f"line {number} has more than {LONGEST_LINE} characters: no table")
        if "\0" in line:
            raise UploadError(f"line {number} holds a NUL: this is no text")
        yield line


def _copied(lines: Iterator[str], target: BinaryIO, wanted: Sequence[str]) -> Table:
    begin, first = next(((n, line) for n, line in enumerate(lines, 1) if line.strip()), (1, ""))
    delimiter = max(DELIMITERS, key=first.count)
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    cells = next(csv.reader([first], delimiter=delimiter, strict=True))
    named = any(not _is_value(cell) for cell in cells)
    table = Table(_columns(cells if named else [], len(cells), wanted))
    decimal_comma = delimiter == ";"
    buffer: list[list[float]] = []
    for row in reader if named else _joined(cells, reader):
        if not row:
            continue
        line = begin + reader.line_num
        if len(row) != len(cells):
            raise UploadError(f"line {line}: expected {len(cells)} values, got {len(row)}")
        if decimal_comma:
            row = [cell if "." in cell else cell.replace(",", ".") for cell in row]
        numbers = [column.take(cell, line) for column, cell in zip(table.columns, row, strict=True)]
        if len(table.preview) < PREVIEW_ROWS:
            table.preview.append([None if math.isnan(each) else each for each in numbers])
        buffer.append(numbers)
        table.rows += 1
        if len(buffer) == ROWS_AT_ONCE:
            target.write(np.array(buffer, DOUBLE).tobytes())
            buffer.clear()
    target.write(np.array(buffer, DOUBLE).tobytes())
    if not table.rows:
        raise UploadError("expected rows of values below the names, got none")
    return table


def _joined(first: list[str], rest: Iterator[list[str]]) -> Iterator[list[str]]:
    yield first
    yield from rest


def _is_value(cell: str) -> bool:
    """Say whether a cell could stand in a column of numbers, and so is no name."""
    bare = cell.strip()
    if bare.lower() in MISSING:
        return bool(bare)
    try:
        float(bare.replace(",", "."))
    except ValueError:
        return False
    return True


def _columns(names: Sequence[str], count: int, wanted: Sequence[str]) -> list[Column]:
    if count > bounds.MOST_COLUMNS:
        raise UploadError(f"expected at most {bounds.MOST_COLUMNS} columns, got {count}")
    told = [name.strip() for name in names] or [""] * count
    found = [name or f"column {i}" for i, name in enumerate(told, 1)]
    for name in found:
        if found.count(name) > 1:
            raise UploadError([at(name, "two columns have this name")])
        if not name.isprintable() or len(name) > bounds.LONGEST_COLUMN:
            raise UploadError(
                f"expected printable names of at most {bounds.LONGEST_COLUMN} characters"
            )
    for name in wanted:
        if name not in found:
            raise UploadError([at(name, f"no such column; known: {', '.join(found)[:300]}")])
    return [Column(name, "" if not wanted or name in wanted else "not chosen") for name in found]
