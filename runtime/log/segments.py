"""The files of a log, one per segment: plain text while written, compressed once closed.

    00000000000000000000.log.zst    closed: zstandard frames and an index, see packed.py
    00000000000000731204.log        the newest: plain text, so that a torn write damages only its tail

A file is named by the number of its first record, so names sort by age, and each segment starts where the
previous one ends. If both files of a segment exist, a crash interrupted its closing, or an operator unpacked
it: the closed one is read if intact, since it was verified when written.
"""

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

from runtime.errors import ConfigError, LogDamagedError
from runtime.log.lines import COMMIT_BEGINS, time_ns_of
from runtime.log.packed import intact_index, open_packed, read_index
from runtime.log.position import COMPRESSED_SUFFIX, SUFFIX, LogPosition, segment_name
from runtime.text import iso_time

CLOSED_SUFFIX = SUFFIX + COMPRESSED_SUFFIX
PARTIAL_SUFFIX = ".partial"
"""Suffix of a closed file while it is being written."""
_NAME = re.compile(r"(\d{20})" + re.escape(SUFFIX) + r"(?:" + re.escape(COMPRESSED_SUFFIX) + r")?")


def segments(directory: Path) -> list[Path]:
    """The log's files, one per segment, oldest first; raises ConfigError where there is no log."""
    files = segment_files(directory)
    if not files:
        raise ConfigError(f"{directory} holds no topic log: name the folder that `maker up --log` wrote")
    return files


def segment_files(directory: Path) -> list[Path]:
    """The log's files, one per segment, oldest first; empty where there is no log."""
    if not directory.is_dir():
        return []
    found: dict[str, Path] = {}
    with os.scandir(directory) as entries:
        names = sorted(entry.name for entry in entries if _NAME.fullmatch(entry.name) and entry.is_file())
    for path in map(directory.joinpath, names):
        name = segment_of(path)  # the plain file sorts first
        if name not in found or intact_index(path) is not None:
            found[name] = path
    return list(found.values())


def segment_of(path: Path) -> str:
    """The name of a file's segment: the file name without suffixes."""
    found = _NAME.fullmatch(path.name)
    return path.name if found is None else found[1]


def first_record_of(path: Path) -> int:
    """The number of a segment's first record."""
    return int(segment_of(path))


def segment_begins(directory: Path) -> list[int]:
    """First record numbers of all segments, oldest first; empty where there is no log."""
    return [first_record_of(path) for path in segment_files(directory)]


def check_begin(path: Path, record: int) -> None:
    """Raises LogDamagedError unless a segment starts with `record`, where the previous one ended, and its
    index agrees with its file name.
    """
    begin = first_record_of(path)
    own = read_index(path).begins.position.segment if is_closed(path) else begin
    if own != begin:
        raise LogDamagedError(
            f"{path} contains segment {segment_name(own)} according to its index: the file was renamed; "
            "restore its name"
        )
    if begin > record:
        raise LogDamagedError(
            f"{path.parent} lacks records {record} to {begin - 1}, before {path.name}: restore their file "
            f"from a copy (`maker log verify` names it), or move {path.name} away if it belongs to another "
            f"log. Later records: `maker replay --from {iso_time(first_time_ns_of(path))}`"
        )
    if begin < record:
        raise LogDamagedError(
            f"{path} should start with record {record}, where the previous segment ends: a file was renamed, "
            "or belongs to another log. `maker log verify` shows which files belong here"
        )


def is_closed(path: Path) -> bool:
    """Whether it is a compressed file, by its name."""
    return path.name.endswith(CLOSED_SUFFIX)


def is_damaged(path: Path) -> bool:
    """Whether it is a closed segment whose index cannot be read."""
    return is_closed(path) and intact_index(path) is None


def closed_path(path: Path) -> Path:
    """Path of the segment's closed file."""
    return path.with_name(segment_of(path) + CLOSED_SUFFIX)


def plain_path(path: Path) -> Path:
    """Path of the segment's plain file."""
    return path.with_name(segment_of(path) + SUFFIX)


def open_segment(path: Path, offset: int = 0) -> BinaryIO:
    """Open a segment's text at an offset, plain or closed; holds one frame in memory at most.

    Also finds a segment that was closed since the folder was listed. Raises LogGoneError where retention
    has deleted it meanwhile.
    """
    try:
        file = open_packed(path) if is_closed(path) else path.open("rb")
    except FileNotFoundError:
        file = open_packed(closed_path(path))
    file.seek(offset)
    return file


def commits_of(path: Path, size_bytes: int) -> Iterator[bytes]:
    """A segment's text in chunks of about this size that end at a commit; uncommitted text comes last, in a
    chunk of its own.
    """
    rest = b""
    with open_segment(path) as file:
        while data := file.read(size_bytes):
            rest += data
            commit = rest.rfind(COMMIT_BEGINS, 0, rest.rfind(b"\n") + 1)
            if commit >= 0:
                end = rest.find(b"\n", commit) + 1
                yield rest[:end]
                rest = rest[end:]
    if rest:
        yield rest


def text_before(directory: Path, position: LogPosition, size_bytes: int) -> bytes | None:
    """The last `size_bytes` of text before a position; None where the log ends before it.

    Empty where there was nothing before it, or where it can no longer be read.
    """
    files = {first_record_of(path): path for path in segment_files(directory)}
    path, end = files.get(position.segment), position.offset_bytes
    if path is None or (end and text_size_bytes(path) < end):
        return None
    if end:
        return _text(path, end, size_bytes)
    before = [number for number in files if number < position.segment]
    try:
        return _text(files[max(before)], None, size_bytes) if before else b""
    except LogDamagedError:
        return b""


def _text(path: Path, end: int | None, size_bytes: int) -> bytes:
    """The last `size_bytes` of a segment's text before an offset, or before its end."""
    end = text_size_bytes(path) if end is None else end
    begin = max(0, end - size_bytes)
    with open_segment(path, begin) as file:
        return file.read(end - begin)


def text_size_bytes(path: Path) -> int:
    """Size of a segment's text."""
    if is_closed(path):
        return read_index(path).raw_bytes
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return read_index(closed_path(path)).raw_bytes


def first_time_ns_of(path: Path) -> int:
    """Event time of a segment's first record; 0 where it has none."""
    if is_closed(path):
        return read_index(path).first_time_ns
    with open_segment(path) as file:
        return time_ns_of(file.readline()) or 0


def disk_bytes(files: Sequence[Path]) -> int:
    """Total size of files on disk; files deleted meanwhile count as 0."""
    return sum(path.stat().st_size for path in files if path.exists())
