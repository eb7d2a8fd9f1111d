"""Closes a segment: the text is checked, compressed and indexed, and replaces the plain file.

The file is written under a temporary name, synced and renamed; then its line is added to the chain, and only
then is the plain file deleted. A crash at any step leaves a log with the same contents, and the next start
completes the work.
"""

import hashlib
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import zstandard

from runtime.errors import LogDamagedError
from runtime.log.grouping import GroupedLines, Pause, group_lines
from runtime.log.lines import LoggedRecord, checked_body, parse_body, time_ns_of
from runtime.log.packed import Frame, SegmentIndex, frame_texts, index_frame, intact_index
from runtime.log.position import LogPosition, LogStanding
from runtime.log.segments import (
    PARTIAL_SUFFIX,
    closed_path,
    commits_of,
    first_record_of,
    segment_files,
    segment_of,
)
from runtime.state.appending import sync_folder, write_all
from runtime.state.checkpoint import Checkpoints, newest_standing
from runtime.state.private_files import open_file
from schemas.envelope import decode
from schemas.process import ConfigApplied

FRAME_BYTES = 4 * 1024 * 1024
"""Size of a frame's text. Measured at 100 symbols: 2 MB takes 8 % more disk, 8 MB 4 % less; reading a frame
takes about 30 ms."""
LEVEL = 8
"""Level of zstandard. Measured at 100 symbols with columns: 6 takes 1 % more disk, 12 saves nothing."""
_LINES_A_SLICE = 200
"""Lines checked, in about 0.3 ms, before yielding to other threads."""

_CONFIG_APPLIED = b'"type":"%b"' % ConfigApplied.type_name.encode()


def digest_of() -> "hashlib.blake2b":
    """The hash of a segment's text."""
    return hashlib.blake2b(digest_size=32)


def close_segment(path: Path, pause: Pause = lambda: None, frame_bytes: int = FRAME_BYTES) -> SegmentIndex:
    """Write the closed file of a completed segment; returns its index. The plain file stays.

    `pause` is called between slices of work and may raise to stop it. Raises LogDamagedError, naming file and
    line, where the text is damaged.
    """
    target = closed_path(path)
    partial = target.with_name(target.name + PARTIAL_SUFFIX)
    file = open_file(partial, os.O_WRONLY | os.O_TRUNC)
    try:
        indexing = _Indexing(path, *_known_before(path))
        compressor = zstandard.ZstdCompressor(level=LEVEL, write_checksum=True, write_content_size=True)
        for text in commits_of(path, frame_bytes):
            lines = group_lines(text, pause)
            columns = _columns_of(text, lines, pause)
            packed = compressor.compress(columns or text)
            write_all(file, packed)
            if columns is None:
                indexing.check(text, pause)
            indexing.add(text, lines, len(packed), pause)
            pause()
        index = indexing.index()
        write_all(file, index_frame(index))
        os.fsync(file)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
    finally:
        os.close(file)
    partial.rename(target)
    sync_folder(target.parent)
    return index


def check_same_text(plain: Path, closed: Path, pause: Pause = lambda: None) -> None:
    """Raises LogDamagedError unless both files of a segment have the same contents, so that one can go."""
    in_plain, in_closed = digest_of(), digest_of()
    with plain.open("rb") as file:
        while part := file.read(FRAME_BYTES):
            in_plain.update(part)
            pause()
    for text in frame_texts(closed):
        in_closed.update(text)
        pause()
    if in_plain.digest() != in_closed.digest():
        raise LogDamagedError(
            f"{plain} and {closed.name} are one segment with different contents: the closed one is read. "
            "Move away the one that is not of this log: `maker log verify` proves the other"
        )


def _columns_of(text: bytes, lines: GroupedLines, pause: Pause) -> bytes | None:
    """The columns of a text; None where they do not reproduce the text, with checksums, exactly."""
    from runtime.log.columns import from_columns, to_columns  # noqa: PLC0415  # numpy: no start waits for it

    columns = to_columns(lines, pause)
    return columns if columns is not None and from_columns(columns, pause) == text else None


def _known_before(path: Path) -> tuple[LogStanding, str]:
    """What the log's writer knew at the start of a segment, and the digest of the previous segment.

    No digest where that one is damaged; the checkpoint after it then provides the state.
    """
    first = first_record_of(path)
    begin = LogPosition(first, 0, first)
    earlier = [each for each in segment_files(path.parent) if segment_of(each) < segment_of(path)]
    if not earlier:
        return LogStanding(begin, {}, {}, 0), ""
    before = intact_index(closed_path(earlier[-1]))
    if before is not None:
        return replace(before.ends, position=begin), before.digest
    known = newest_standing(Checkpoints(path.parent).at(first))
    if known is None:
        raise LogDamagedError(
            f"{path} stays plain: {earlier[-1].name} before it is damaged, and there is no checkpoint here"
        )
    return known, ""


class _Indexing:
    """Builds the index of a segment from its text."""

    def __init__(self, path: Path, begins: LogStanding, before: str) -> None:
        self._path = path
        self._begins = begins
        self._before = before
        self._digest = digest_of()
        self._frames: list[Frame] = []
        self._times: list[tuple[int, int]] = []
        self._frames_of: dict[bytes, list[int]] = {}
        """By line head: topic, key, producer and type."""
        self._newest: dict[bytes, bytes] = {}
        """The pause of the newest line of each."""
        self._sessions: dict[int, None] = {}
        self._first_time_ns: int | None = None
        self._last_time_ns = 0
        self._lines = 0

    def check(self, text: bytes, pause: Pause) -> None:
        """Raises LogDamagedError where a line of a frame's text is damaged."""
        lines = text.splitlines(keepends=True)
        for number, line in enumerate(lines, start=1):
            if checked_body(line) is None:
                raise LogDamagedError(
                    f"{self._path} line {self._lines + number} is damaged and left unchanged: "
                    "restore it from a copy"
                )
            if number % _LINES_A_SLICE == 0:
                pause()

    def add(self, text: bytes, lines: GroupedLines, packed_bytes: int, pause: Pause) -> None:
        """Add the lines of a frame, whose checksums are valid."""
        self._digest.update(text)
        self._lines += len(lines.order)
        first_ns = time_ns_of(text[: text.find(b"\n") + 1]) or self._last_time_ns
        self._first_time_ns = self._first_time_ns or first_ns
        oldest_ns = newest_ns = first_ns
        for head, tails in lines.tails.items():
            if head:
                self._add_kind(head, tails)
                times = [first_ns, *filter(None, map(time_ns_of, tails))]
                oldest_ns, newest_ns = min(oldest_ns, *times), max(newest_ns, *times)
                pause()
        self._last_time_ns = max(self._last_time_ns, newest_ns)
        self._times.append((oldest_ns, newest_ns))
        commits = len(lines.tails.get(b"", ()))
        self._frames.append(Frame(len(text), packed_bytes, len(lines.order) - commits, first_ns))

    def _add_kind(self, head: bytes, tails: Sequence[bytes]) -> None:
        self._newest[head] = tails[-1]
        self._frames_of.setdefault(head, []).append(len(self._frames))
        if _CONFIG_APPLIED in head:
            for tail in tails:
                applied = decode(ConfigApplied, _record(head + tail).payload)
                self._sessions[applied.session_began_ns] = None

    def index(self) -> SegmentIndex:
        """The finished index."""
        records = {head: _record(head + tail) for head, tail in self._newest.items()}
        return SegmentIndex(
            begins=self._begins,
            ends=self._ends(records.values()),
            first_time_ns=self._first_time_ns or 0,
            last_time_ns=self._last_time_ns,
            frames=tuple(self._frames),
            kinds=self._kinds(records),
            sessions=tuple(self._sessions),
            digest=self._digest.hexdigest(),
            before=self._before,
            times=tuple(self._times),
        )

    def _kinds(self, records: Mapping[bytes, LoggedRecord]) -> dict[str, tuple[int, ...] | None]:
        frames_of: dict[str, set[int]] = {}
        for head, record in records.items():
            kind = f"{record.topic} {record.envelope.type_name}"
            frames_of.setdefault(kind, set()).update(self._frames_of[head])
        return {
            kind: None if len(frames) == len(self._frames) else tuple(sorted(frames))
            for kind, frames in sorted(frames_of.items())
        }

    def _ends(self, newest: Iterable[LoggedRecord]) -> LogStanding:
        offsets, sequences = dict(self._begins.offsets), dict(self._begins.sequences)
        for record in newest:
            producer, sequence = record.envelope.producer, record.envelope.sequence
            offsets[record.topic] = max(offsets.get(record.topic, 0), record.offset + 1)
            sequences[producer] = max(sequences.get(producer, 0), sequence)
        begin = self._begins.position.segment
        position = LogPosition(
            begin,
            sum(frame.raw_bytes for frame in self._frames),
            begin + sum(frame.records for frame in self._frames),
        )
        newest_ns = max(self._begins.event_time_ns, self._last_time_ns)
        return LogStanding(position, offsets, sequences, newest_ns)


def _record(body: bytes) -> LoggedRecord:
    record = parse_body(body)
    if record is None:
        raise ValueError("a commit is not a record")
    return record
