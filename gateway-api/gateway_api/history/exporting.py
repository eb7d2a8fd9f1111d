"""Rows as files: CSV for spreadsheets, Parquet for everything else."""

import csv
import io
import json
from collections.abc import Sequence
from typing import Any, Literal

FileFormat = Literal["csv", "parquet"]
MEDIA_TYPES: dict[str, str] = {"csv": "text/csv; charset=utf-8", "parquet": "application/vnd.apache.parquet"}


def file_of(columns: Sequence[str], rows: Sequence[Sequence[Any]], file_format: FileFormat) -> bytes:
    """One file with all rows; what is no plain value is JSON in it."""
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
    """A text that a spreadsheet would take for a formula is shown as the text it is."""
    if isinstance(cell, str) and cell[:1] in {"=", "@", "\t"}:
        return f"'{cell}"
    return cell


def _parquet(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> bytes:
    import pyarrow  # noqa: PLC0415  a third of a second, for exports alone
    from pyarrow import parquet  # noqa: PLC0415

    table = pyarrow.table({name: [row[index] for row in rows] for index, name in enumerate(columns)})
    buffer = io.BytesIO()
    parquet.write_table(table, buffer)
    return buffer.getvalue()
