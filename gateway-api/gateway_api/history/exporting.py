"""Rows as files: CSV for spreadsheets, Parquet for everything else."""

import csv
import io
import json
import re
from collections.abc import Sequence
from typing import Any, Literal

from schemas.names import shown

FileFormat = Literal["csv", "parquet"]
MEDIA_TYPES: dict[str, str] = {"csv": "text/csv; charset=utf-8", "parquet": "application/vnd.apache.parquet"}

_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_BEGINS_FORMULA = frozenset("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")
"""Includes the full-width forms, which some spreadsheets treat alike."""


def file_of(columns: Sequence[str], rows: Sequence[Sequence[Any]], file_format: FileFormat) -> bytes:
    """One file with all rows; structured values are written as JSON."""
    cells = [[_plain(cell) for cell in row] for row in rows]
    return _csv(columns, cells) if file_format == "csv" else _parquet(columns, cells)


def _plain(cell: Any) -> Any:
    return json.dumps(cell) if isinstance(cell, dict | list | tuple) else cell


def _csv(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(columns)
    writer.writerows([_harmless(cell) for cell in row] for row in rows)
    return text.getvalue().encode()


def _harmless(cell: Any) -> Any:
    """Text that a spreadsheet would evaluate as a formula is escaped; numbers stay numbers."""
    if not isinstance(cell, str) or _NUMBER.fullmatch(cell):
        return cell
    begins = cell.lstrip(" ")[:1]
    return f"'{shown(cell)}" if begins in _BEGINS_FORMULA else shown(cell)


def _parquet(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> bytes:
    import pyarrow  # noqa: PLC0415  0.3 s to import, only for exports
    from pyarrow import parquet  # noqa: PLC0415

    table = pyarrow.table({name: [row[index] for row in rows] for index, name in enumerate(columns)})
    buffer = io.BytesIO()
    parquet.write_table(table, buffer)
    return buffer.getvalue()
