"""Verifies a log: nothing was altered, and nothing is missing except what retention deleted.

The text of each closed segment is checked against its digest in the chain, each line of the chain against the
previous one, and record numbers for gaps. Altering both chain and segments also changes the newest link:
compare it with a copy kept elsewhere.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from runtime.errors import LogDamagedError
from runtime.log.chain import read_chain
from runtime.log.closing import digest_of
from runtime.log.lines import COMMIT_BEGINS, checked_body
from runtime.log.packed import FrameReader
from runtime.log.segments import commits_of, is_closed, segment_begins, segment_of, segments
from runtime.state.checkpoint import Checkpoints, missing
from runtime.text import iso_time
from schemas.numbers import shortened

_PART_BYTES = 4 * 1024 * 1024


@dataclass(slots=True)
class LogProof:
    """What was verified, and the problems found."""

    segments: int = 0
    """Segments read to their end."""
    records: int = 0
    """Committed records in them."""
    raw_bytes: int = 0
    """Size of their text."""
    deleted_segments: int = 0
    """Segments deleted by retention."""
    deleted_records: int = 0
    chain: str = ""
    """The newest link; empty where no segment was closed yet."""
    problems: list[str] = field(default_factory=list)


class _Noted(NamedTuple):
    """The chain's entry for a closed segment."""

    records: int
    first_time_ns: int
    last_time_ns: int
    digest: str


def verify_log(directory: Path, link: str | None = None) -> LogProof:
    """Verify a whole log; a given `link` must be in its chain. Raises ConfigError where there is no log."""
    files = {segment_of(path): path for path in segments(directory)}
    proof = LogProof()
    closed, deleted = _read_chain(directory, proof, link)
    _check_files(files, closed, deleted, proof)
    for name, noted in closed.items():
        if name in deleted:
            proof.deleted_segments += 1
            proof.deleted_records += noted.records
        elif name not in files:
            proof.problems.append(
                f"segment {name} is missing: {noted.records} records from {iso_time(noted.first_time_ns)} to "
                f"{iso_time(noted.last_time_ns)}; retention did not delete it"
            )
    _check_checkpoints(directory, proof)
    return proof


def _check_checkpoints(directory: Path, proof: LogProof) -> None:
    """Check the checkpoints, from which starts and replays begin once the oldest records are deleted."""
    checkpoints = Checkpoints(directory)
    first = segment_begins(directory)[0]
    whole = checkpoints.at(first)
    if first and (not whole or missing(whole)):
        proof.problems.append(
            f"the log starts at record {first}, and its checkpoint there lacks the state of "
            f"{', '.join(missing(whole)) or 'its processes'}"
        )
    try:
        checkpoints.newest()
    except LogDamagedError as error:
        proof.problems.append(str(error))


def _read_chain(directory: Path, proof: LogProof, link: str | None) -> tuple[dict[str, _Noted], set[str]]:
    """The closed segments, oldest first, and the names of the deleted ones."""
    closed: dict[str, _Noted] = {}
    deleted: set[str] = set()
    is_linked = link is None
    try:
        for line in read_chain(directory):
            proof.chain = line.fields["chain"]
            is_linked = is_linked or proof.chain == link
            if line.closed is not None:
                closed[line.closed] = _Noted(*(line.fields[name] for name in _Noted._fields))
            if line.deleted is not None:
                deleted.add(line.deleted)
    except LogDamagedError as error:
        proof.problems.append(str(error))
    if not is_linked:
        proof.problems.append(f"the chain has no link {shortened(link)}: it was restarted or truncated")
    return closed, deleted


def _check_files(
    files: Mapping[str, Path],
    closed: Mapping[str, _Noted],
    deleted: set[str],
    proof: LogProof,
) -> None:
    """Check each file, and that each segment starts where the previous one ends, whether it exists or not."""
    newest = max(files)
    expected: int | None = 0 if closed or not int(min(files)) else None
    for name in sorted({*files, *closed, *deleted}):
        if expected is not None and int(name) != expected:
            proof.problems.append(
                f"records {expected} to {int(name) - 1} are missing: no segment before {name} contains them"
            )
        records = closed[name].records if name in closed else None
        if name in files and name not in deleted:
            try:
                found = _check_file(files[name], closed.get(name), proof, is_newest=name == newest)
                records = found if records is None else records
            except LogDamagedError as error:
                proof.problems.append(str(error))
        expected = None if records is None else int(name) + records


def _check_file(path: Path, noted: _Noted | None, proof: LogProof, *, is_newest: bool) -> int:
    """Check one file; returns its number of records."""
    check = _check_closed if is_closed(path) else _check_plain
    digest, records, raw_bytes = check(path, is_newest=is_newest)
    if noted is not None and digest != noted.digest:
        raise LogDamagedError(f"{path} was altered: the digest of its text differs from the chain's")
    proof.segments += 1
    proof.records += records
    proof.raw_bytes += raw_bytes
    return records


def _check_closed(path: Path, *, is_newest: bool) -> tuple[str, int, int]:
    """Digest, records and size of a closed segment, checked against its own index."""
    del is_newest  # a closed segment always ends with a commit
    frames = FrameReader(path)
    digest = digest_of()
    try:
        for number, frame in enumerate(frames.index.frames, start=1):
            text = frames.text(number - 1)
            digest.update(text)
            if text.count(b"\n") - text.count(COMMIT_BEGINS) != frame.records:
                raise LogDamagedError(f"{path} frame {number} does not contain {frame.records} records")
    finally:
        frames.close()
    if digest.hexdigest() != frames.index.digest:
        raise LogDamagedError(f"{path} was altered: the digest of its text differs from its index's")
    return digest.hexdigest(), frames.index.records, frames.index.raw_bytes


def _check_plain(path: Path, *, is_newest: bool) -> tuple[str, int, int]:
    """Digest, records and size of a plain segment, each line checked against its checksum."""
    digest, records, raw_bytes, number = digest_of(), 0, 0, 0
    for text in commits_of(path, _PART_BYTES):
        if is_newest and COMMIT_BEGINS not in text:
            break  # still being written
        digest.update(text)
        raw_bytes += len(text)
        for line in text.splitlines(keepends=True):
            number += 1
            if checked_body(line) is None:
                raise LogDamagedError(f"{path} line {number} is damaged: restore the file from a copy")
        records += text.count(b"\n") - text.count(COMMIT_BEGINS)
    return digest.hexdigest(), records, raw_bytes
