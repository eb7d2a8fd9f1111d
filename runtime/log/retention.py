"""Retention of a log: deletes whole closed segments, oldest first.

A log must start at a checkpoint, from which it can be replayed and an engine started. So deletion stops
before a segment that starts with one.
"""

import shutil
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import structlog

from runtime.log.chain import Chain
from runtime.log.packed import SegmentIndex, intact_index
from runtime.log.position import SUFFIX
from runtime.log.segments import (
    closed_path,
    disk_bytes,
    first_record_of,
    is_closed,
    plain_path,
    segment_files,
    segment_of,
)
from runtime.text import iso_time
from schemas.deployment import Keep
from schemas.units import NS_PER_S

_NS_PER_DAY = 86_400 * NS_PER_S
_GAP_NS_MAX = _NS_PER_DAY

logger = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Expired:
    """A segment to delete."""

    path: Path
    index: SegmentIndex | None
    """None where it is damaged."""
    size_bytes: int
    because: str


def expired(
    directory: Path, keep: Keep, begins: Collection[int], damaged: Collection[str] = ()
) -> list[Expired]:
    """The segments to delete, so that the remaining log starts at one of `begins`.

    Never includes the newest closed segment. `damaged` names plain files that cannot be closed; their age is
    derived from the next segment.
    """
    files = segment_files(directory)
    excess = list(_in_excess(files, directory, keep, damaged))
    while excess and first_record_of(files[len(excess)]) not in begins:
        excess.pop()
    return excess


def _in_excess(files: list[Path], directory: Path, keep: Keep, damaged: Collection[str]) -> Iterator[Expired]:
    ages_ns = _ages_ns(files)
    if not ages_ns:
        return
    newest = next(iter(ages_ns))
    sizes = [disk_bytes((plain_path(path), closed_path(path))) for path in files]
    total = sum(sizes)
    bound, bound_name = _size_bound(directory, keep, total)
    held: list[Expired] = []
    for path, size in zip(files, sizes, strict=True):
        age_ns = ages_ns.get(path)
        if path == newest or (age_ns is None and not is_closed(path) and path.name not in damaged):
            return
        if age_ns is not None and age_ns > keep.age_days * _NS_PER_DAY:
            because = f"age_days {keep.age_days:g}"
        elif total > bound:
            because = bound_name
        elif age_ns is None:
            held.append(Expired(path, None, size, f"age_days {keep.age_days:g}"))
            continue
        else:
            return
        total -= size + sum(each.size_bytes for each in held)
        yield from (*held, Expired(path, intact_index(path), size, because))
        held = []


def _ages_ns(files: Sequence[Path]) -> dict[Path, int]:
    """The age of each undamaged closed segment relative to the end of the newest one, newest first.

    Consecutive segments count as a day apart at most: a longer gap means that nothing ran, or that a clock
    was set. A clock that is a year ahead for a minute, or a record with an impossible time, must not delete
    a log.
    """
    ages_ns: dict[Path, int] = {}
    age_ns, end_ns = 0, None
    for path in filter(is_closed, reversed(files)):
        if (index := intact_index(path)) is None:
            continue
        ages_ns[path] = age_ns
        end_ns = index.last_time_ns if end_ns is None else end_ns
        age_ns += min(max(0, end_ns - index.first_time_ns), _GAP_NS_MAX)
        end_ns = index.first_time_ns
    return ages_ns


def _size_bound(directory: Path, keep: Keep, total: int) -> tuple[float, str]:
    """The largest size of the log, and the setting that limits it."""
    share = keep.disk_share * (shutil.disk_usage(directory).free + total)
    if keep.size_gb is not None and keep.size_gb * 1e9 < share:
        return keep.size_gb * 1e9, f"size_gb {keep.size_gb:g}"
    return share, f"disk_share {keep.disk_share:g}"


def delete_expired(
    directory: Path, keep: Keep, begins: Collection[int], chain: Chain, damaged: Collection[str] = ()
) -> list[Expired]:
    """Delete expired segments, each recorded in the chain before its deletion."""
    gone = expired(directory, keep, begins, damaged)
    for each in gone:
        chain.add_deleted(segment_of(each.path), each.because)
        _delete(directory, segment_of(each.path))
    if gone:
        known = [each.index for each in gone if each.index is not None]
        logger.info(
            "log_segments_deleted",
            log=str(directory),
            segments=len(gone),
            damaged=len(gone) - len(known),
            from_time=iso_time(known[0].first_time_ns) if known else None,
            to_time=iso_time(known[-1].last_time_ns) if known else None,
            size_bytes=sum(each.size_bytes for each in gone),
            because=", ".join(dict.fromkeys(each.because for each in gone)),
        )
    return gone


def finish_deletion(directory: Path, chain: Chain) -> None:
    """Complete a deletion that a crash interrupted after its line in the chain."""
    if chain.last_deleted:
        _delete(directory, chain.last_deleted)


def _delete(directory: Path, name: str) -> None:
    """Delete both files of a segment: a crash may have left the plain one, or an operator unpacked it."""
    closed = closed_path(directory / f"{name}{SUFFIX}")
    plain_path(closed).unlink(missing_ok=True)
    closed.unlink(missing_ok=True)
