"""Checkpoints of the processes at a place in the log, so that it need not be read from its beginning.

A part is the state of one process, in its own file named by the number of records before it. It is the
BLAKE2b digest of its body, then the body: a line of JSON with the place in the log and the log writer's
state; the carried state, readable by every release; the snapshot, readable only by the same code.
"""

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import NamedTuple

import structlog

from runtime.errors import LogDamagedError
from runtime.log.position import LogPosition, LogStanding
from runtime.log.segments import segment_begins, text_before
from runtime.process.runner import TRACE_SUFFIX
from runtime.state.carried_file import CarriedState
from runtime.state.carried_file import from_bytes as carried_from_bytes
from runtime.state.private_files import make_folder
from runtime.state.snapshot import Snapshot, write_whole
from runtime.state.snapshot import from_bytes as snapshot_from_bytes

FOLDER = "checkpoints"
"""In the folder of the log."""
SUFFIX = ".state"
PARTS_KEPT = 2
"""Parts kept per process, besides those at segment starts: one may be damaged."""
FORMAT = 1
_DIGEST_BYTES = 32
_TEXT_BYTES = 4096

logger = structlog.get_logger()


class PartName(NamedTuple):
    """Identifies a part; sorts by age."""

    records: int
    """Number of records committed before it."""
    process: str

    @property
    def file(self) -> str:
        """Its file name."""
        return f"{self.records:020d}.{self.process}{SUFFIX}"


@dataclass(frozen=True, slots=True)
class Part:
    """The checkpoint of one process, between two commits."""

    process: str
    log: LogStanding
    carried: CarriedState
    snapshot: bytes
    text_digest: str
    """Digest of the log's text before the place, see `text_digest`: ties a part to its log."""

    @property
    def name(self) -> PartName:
        """Its file name."""
        return PartName(self.log.position.records, self.process)

    def to_bytes(self) -> bytes:
        """The serialised form."""
        carried = self.carried.to_bytes()
        about = {
            "format": FORMAT,
            "process": self.process,
            "log": self.log.to_json(),
            "text": self.text_digest,
            "carried": len(carried),
        }
        body = b"%b\n%b%b" % (json.dumps(about, separators=(",", ":")).encode(), carried, self.snapshot)
        return blake2b(body, digest_size=_DIGEST_BYTES).digest() + body

    @classmethod
    def from_bytes(cls, data: bytes) -> "Part":
        """The inverse of `to_bytes`; raises LogDamagedError for anything else."""
        digest, body = data[:_DIGEST_BYTES], data[_DIGEST_BYTES:]
        if blake2b(body, digest_size=_DIGEST_BYTES).digest() != digest:
            raise LogDamagedError("the digest of a checkpoint does not match its body")
        head, _, rest = body.partition(b"\n")
        about = json.loads(head)
        if about["format"] != FORMAT:
            raise LogDamagedError(
                f"a checkpoint has format {about['format']}, but this release reads {FORMAT}"
            )
        size = about["carried"]
        carried = carried_from_bytes(rest[:size])
        log = LogStanding.from_json(about["log"])
        return cls(about["process"], log, carried, rest[size:], about["text"])

    def exact(self, sources_hash: str) -> Snapshot | None:
        """Its snapshot; None where different code wrote it."""
        try:
            return snapshot_from_bytes(self.snapshot, sources_hash)
        except LogDamagedError:
            return None


def text_digest(log: Path, place: LogPosition) -> str | None:
    """Digest of the end of a log's text before a place; empty without text, None: the log ends earlier."""
    text = text_before(log, place, _TEXT_BYTES)
    if text is None:
        return None
    return blake2b(text, digest_size=16).hexdigest() if text else ""


class Checkpoints:
    """The checkpoints of a log."""

    def __init__(self, log: Path) -> None:
        self._log = log
        self._folder = log / FOLDER

    def names(self) -> list[PartName]:
        """All existing parts, oldest first."""
        found = (path.name.removesuffix(SUFFIX).partition(".") for path in self._folder.glob(f"*{SUFFIX}"))
        return sorted(PartName(int(records), process) for records, _, process in found if records.isdigit())

    def begins(self) -> frozenset[int]:
        """Record numbers at which a log may begin: every process has a part there."""
        processes: defaultdict[int, set[str]] = defaultdict(set)
        for name in self.names():
            processes[name.records].add(name.process)
        everyone: set[str] = set().union(*processes.values())
        return frozenset(records for records, found in processes.items() if found == everyone)

    def newest(self) -> dict[str, Part]:
        """The newest complete part of each started process, or its part at the start of a segment.

        Empty where the log can be read from its beginning instead. Raises LogDamagedError where the log does
        not match a part, or where its beginning is gone and a process has no part.
        """
        found: dict[str, Part] = {}
        for name in reversed(self.names()):
            if name.process not in found and (part := self._read(name)) is not None:
                self._check(part)
                found[name.process] = part
        if found and not missing(found):
            return found
        begins = segment_begins(self._log)
        for begin in reversed(begins):
            whole = self.at(begin)
            if whole and not missing(whole):
                return whole
        if begins and begins[0]:
            raise LogDamagedError(
                f"{self._log} lacks its first {begins[0]} records, and {self._folder} has no state of "
                f"{', '.join(missing(found)) or 'its processes'} at that place: restore the folder {FOLDER}"
            )
        return {}

    def at(self, records: int) -> dict[str, Part]:
        """The part of each process at one place, if it matches the log."""
        parts = (self._read(name) for name in self.names() if name.records == records)
        return {part.process: part for part in parts if part is not None and self._goes_with_log(part)}

    def _goes_with_log(self, part: Part) -> bool:
        found = text_digest(self._log, part.log.position)
        return found == part.text_digest or (found == "" and not part.log.position.offset_bytes)

    def _check(self, part: Part) -> None:
        if self._goes_with_log(part):
            return
        ends = text_digest(self._log, part.log.position) is None
        raise LogDamagedError(
            f"{self._log} {'ends before' if ends else 'is damaged before, or another log than'} record "
            f"{part.log.position.records}, the position of {FOLDER}/{part.name.file}: the disk has lost "
            "confirmed data, several copies were mixed, or it was copied while an engine was writing "
            f"(copy {FOLDER} first, then the rest). Restore the log from a copy; to continue with what "
            f"is left of it, and with older positions and halts, delete the files of {FOLDER} named "
            "with this number or a higher one, and reconcile the account with `maker positions show`"
        )

    def _read(self, name: PartName) -> Part | None:
        try:
            return Part.from_bytes((self._folder / name.file).read_bytes())
        except (OSError, LogDamagedError, KeyError, TypeError, ValueError) as error:
            logger.warning("checkpoint_passed_over", part=name.file, reason=str(error))
            return None

    def write(self, part: Part) -> None:
        """Write a part. Raises OSError."""
        make_folder(self._folder, (SUFFIX, ".tmp"))
        write_whole(self._folder / part.name.file, part.to_bytes())

    def prune(self, segment_begins: Collection[int]) -> None:
        """Delete parts that no start needs: all but the newest and those at segment starts."""
        for name in _superseded(self.names()):
            if name.records not in segment_begins:
                (self._folder / name.file).unlink(missing_ok=True)
        for path in self._folder.glob("*.tmp"):  # left by a crash during a write; there is no writer now
            path.unlink()


def missing(parts: Mapping[str, Part]) -> list[str]:
    """Processes known as started to one of these parts but without a part of their own."""
    begun = {
        producer.removesuffix(TRACE_SUFFIX)
        for part in parts.values()
        for producer in part.log.sequences
        if producer.endswith(TRACE_SUFFIX)
    }
    return sorted(begun - parts.keys())


def _superseded(names: Iterable[PartName]) -> Iterator[PartName]:
    counts: dict[str, int] = {}
    for name in sorted(names, reverse=True):
        counts[name.process] = counts.get(name.process, 0) + 1
        if counts[name.process] > PARTS_KEPT:
            yield name


def newest_standing(parts: Mapping[str, Part]) -> LogStanding | None:
    """The log writer's state at the newest of some parts."""
    return max((part.log for part in parts.values()), key=lambda log: log.position.records, default=None)
