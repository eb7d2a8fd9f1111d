"""The format of a closed segment: zstandard frames of text, followed by an index in a skippable frame.

Each frame holds about four megabytes of text and ends at a commit, so that a time range is read by its frames
alone. A frame contains plain text or columns (`columns.py`), identified by its first byte; `maker log text`
prints the text of either. The index is in the same file: one rename makes both visible, and a copy of the
file is complete. The index frame ends with its own length, so it is found from the end of the file.
"""

import io
import json
import struct
from bisect import bisect_right
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import zstandard

from runtime.errors import LogDamagedError, LogGoneError
from runtime.log.lines import COLUMNS_MARK, checked_body, line_of
from runtime.log.position import LogStanding
from schemas.units import NS_PER_S

_SKIPPABLE = 0x184D2A5D
_SKIPPABLE_BEGINS = _SKIPPABLE.to_bytes(4, "little")
_HEADER = struct.Struct("<II")
_FOOTER = struct.Struct("<I4s")
_MARK = b"mmix"
_BUFFER_BYTES = 64 * 1024
_DISORDER_NS = 20 * NS_PER_S
"""In segments of older releases, which do not say how far records are out of time order: 17 s were met."""
_NO_COLUMNS = (ValueError, KeyError, TypeError, IndexError)


class Frame(NamedTuple):
    """One frame of a closed segment."""

    raw_bytes: int
    packed_bytes: int
    records: int
    first_time_ns: int
    """Event time of its first record."""


@dataclass(frozen=True, slots=True)
class SegmentIndex:
    """Summary of a closed segment, for lookups without reading its text."""

    begins: LogStanding
    """The writer's state before its first record."""
    ends: LogStanding
    """The writer's state after its last record."""
    first_time_ns: int
    """Event time of its first record; 0 where it has none."""
    last_time_ns: int
    """Its newest event time."""
    frames: tuple[Frame, ...]
    kinds: Mapping[str, tuple[int, ...] | None]
    """By `topic type`, the frames with such records; None: all of them."""
    sessions: tuple[int, ...]
    """Start times of the sessions begun or resumed in it."""
    digest: str
    """BLAKE2b of its text."""
    before: str
    """Digest of the previous segment; empty for the first."""
    times: tuple[tuple[int, int], ...] = ()
    """Oldest and newest event time of each frame; empty where an older release closed it."""

    @property
    def records(self) -> int:
        """Number of records."""
        return sum(frame.records for frame in self.frames)

    @property
    def raw_bytes(self) -> int:
        """Size of its text."""
        return sum(frame.raw_bytes for frame in self.frames)

    @property
    def packed_bytes(self) -> int:
        """Compressed size of its frames, without the index."""
        return sum(frame.packed_bytes for frame in self.frames)

    def raw_offsets(self) -> list[int]:
        """Start of each frame in the text, and the end of the last one."""
        return list(accumulate((frame.raw_bytes for frame in self.frames), initial=0))

    def packed_offsets(self) -> list[int]:
        """Start of each frame in the file, and the end of the last one."""
        return list(accumulate((frame.packed_bytes for frame in self.frames), initial=0))

    def frame_times(self) -> tuple[tuple[int, int], ...]:
        """Oldest and newest event time of each frame; of an older release's, by the frames' first records."""
        if self.times:
            return self.times
        firsts = [frame.first_time_ns for frame in self.frames]
        return tuple(
            (first - _DISORDER_NS, after + _DISORDER_NS)
            for first, after in zip(firsts, [*firsts[1:], self.last_time_ns], strict=True)
        )

    def frames_with(self, topics: Collection[str] = (), types: Collection[str] = ()) -> list[int]:
        """The frames with records of any of these topics or types."""
        found: set[int] = set()
        for kind, frames in self.kinds.items():
            topic, _, type_name = kind.partition(" ")
            if topic in topics or type_name in types:
                found.update(range(len(self.frames)) if frames is None else frames)
        return sorted(found)

    def to_json(self) -> dict[str, Any]:
        """The index as plain JSON values."""
        return {
            "begins": self.begins.to_json(),
            "ends": self.ends.to_json(),
            "first_time_ns": self.first_time_ns,
            "last_time_ns": self.last_time_ns,
            "frames": [list(frame) for frame in self.frames],
            "kinds": {kind: frames and list(frames) for kind, frames in self.kinds.items()},
            "sessions": list(self.sessions),
            "digest": self.digest,
            "before": self.before,
            "times": [list(each) for each in self.times],
        }

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> "SegmentIndex":
        """The inverse of `to_json`; raises KeyError, TypeError or ValueError for anything else."""
        return cls(
            begins=LogStanding.from_json(fields["begins"]),
            ends=LogStanding.from_json(fields["ends"]),
            first_time_ns=fields["first_time_ns"],
            last_time_ns=fields["last_time_ns"],
            frames=tuple(Frame(*each) for each in fields["frames"]),
            kinds={kind: frames and tuple(frames) for kind, frames in fields["kinds"].items()},
            sessions=tuple(fields["sessions"]),
            digest=fields["digest"],
            before=fields["before"],
            times=tuple((oldest_ns, newest_ns) for oldest_ns, newest_ns in fields.get("times", ())),
        )


def index_frame(index: SegmentIndex) -> bytes:
    """The index as the skippable frame at the end of a closed segment."""
    line = line_of(json.dumps(index.to_json(), separators=(",", ":")).encode())
    content = line + _FOOTER.pack(len(line), _MARK)
    return _HEADER.pack(_SKIPPABLE, len(content)) + content


def read_index(path: Path) -> SegmentIndex:
    """The index of a closed segment; raises LogDamagedError where it cannot be read."""
    with _open(path) as file:
        return _index_in(file, path)


def intact_index(path: Path) -> SegmentIndex | None:
    """The index of a closed segment; None where the file is damaged or missing."""
    try:
        return read_index(path)
    except (LogDamagedError, LogGoneError):
        return None


def _open(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except FileNotFoundError:
        raise LogGoneError(
            f"{path} was deleted by retention while the log was being read: retry from a later time"
        ) from None


def _index_in(file: BinaryIO, path: Path) -> SegmentIndex:
    try:
        file.seek(-_FOOTER.size, io.SEEK_END)
        length, mark = _FOOTER.unpack(file.read(_FOOTER.size))
        file.seek(-_FOOTER.size - length, io.SEEK_END)
        body = checked_body(file.read(length))
        if mark == _MARK and body is not None:
            return SegmentIndex.from_json(json.loads(body))
    except (OSError, ValueError, KeyError, TypeError, struct.error):
        pass
    raise LogDamagedError(
        f"the index at the end of {path} is damaged: restore the file from a copy; `maker log text {path}` "
        "prints the text that can still be read"
    )


def _text_in(content: bytes) -> bytes:
    """Decode a frame's content; raises one of `_NO_COLUMNS` where it is neither text nor columns."""
    if not content.startswith(COLUMNS_MARK):
        return content
    from runtime.log.columns import from_columns  # noqa: PLC0415  # numpy is loaded where columns are read

    return from_columns(content)


class FrameReader:
    """Reads the text of a closed segment frame by frame."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = _open(path)
        try:
            self.index = _index_in(self._file, path)
        except BaseException:
            self._file.close()
            raise
        self._packed_offsets = self.index.packed_offsets()
        self._decompressor = zstandard.ZstdDecompressor()

    def text(self, number: int) -> bytes:
        """The text of a frame; raises LogDamagedError, naming file and frame, where it is damaged."""
        frame = self.index.frames[number]
        self._file.seek(self._packed_offsets[number])
        try:
            text = _text_in(
                self._decompressor.decompress(
                    self._file.read(frame.packed_bytes), max_output_size=frame.raw_bytes
                )
            )
        except (zstandard.ZstdError, *_NO_COLUMNS):
            text = b""
        if len(text) != frame.raw_bytes:
            raise LogDamagedError(
                f"{self._path} is damaged in frame {number + 1} of {len(self.index.frames)}: "
                "restore the file from a copy, or replay an older log"
            )
        return text

    def close(self) -> None:
        """Close the file."""
        self._file.close()


class PackedText(io.RawIOBase):
    """The text of a closed segment as a seekable file; one frame is held in memory."""

    def __init__(self, path: Path) -> None:
        self._frames = FrameReader(path)
        self._offsets = self._frames.index.raw_offsets()
        self._position = 0
        self._number = -1
        self._text = b""

    def readable(self) -> bool:
        """Always true."""
        return True

    def seekable(self) -> bool:
        """Always true."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move to an offset of the text."""
        begin = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._offsets[-1]}[whence]
        self._position = begin + offset
        return self._position

    def tell(self) -> int:
        """The offset of the next byte."""
        return self._position

    def readinto(self, buffer: Any) -> int:
        """The next bytes, up to the end of their frame; raises LogDamagedError where it is damaged."""
        if self._position >= self._offsets[-1]:
            return 0
        number = bisect_right(self._offsets, self._position) - 1
        if number != self._number:
            self._text, self._number = self._frames.text(number), number
        begin = self._position - self._offsets[number]
        taken = self._text[begin : begin + len(buffer)]
        buffer[: len(taken)] = taken
        self._position += len(taken)
        return len(taken)

    def close(self) -> None:
        """Close the file."""
        if not self.closed:
            self._frames.close()
        super().close()


def open_packed(path: Path) -> BinaryIO:
    """Open a closed segment as a buffered file of its text."""
    return io.BufferedReader(PackedText(path), _BUFFER_BYTES)


def recoverable_texts(path: Path) -> Iterator[bytes]:
    """The text of a closed segment up to the first damage, without using its index.

    Raises LogDamagedError, naming file and frame, at the first damaged frame.
    """
    with _open(path) as file:
        left = file.read()
    number = 0
    while left and not left.startswith(_SKIPPABLE_BEGINS):
        number += 1
        frame = zstandard.ZstdDecompressor().decompressobj()
        try:
            content = frame.decompress(left)
            text = _text_in(content) if frame.eof else b""
        except (zstandard.ZstdError, *_NO_COLUMNS):
            text = b""
        if not text:
            raise LogDamagedError(f"{path} is damaged in frame {number}: later frames cannot be read")
        yield text
        left = frame.unused_data


def frame_texts(path: Path, numbers: Collection[int] | None = None) -> Iterator[bytes]:
    """The text of all frames of a closed segment, or of the given ones."""
    frames = FrameReader(path)
    try:
        for number in range(len(frames.index.frames)) if numbers is None else numbers:
            yield frames.text(number)
    finally:
        frames.close()
