"""How a log proves that nothing is missing but what was deleted on purpose."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
import structlog

from runtime.log import chain
from runtime.log.chain import CHAIN_FILE, read_chain
from runtime.log.logfile import LogFileBus
from runtime.log.packed import read_index
from runtime.log.segments import segment_files, segment_of
from runtime.log.verify import verify_log
from tests.unit.runtime.kept_hours import anywhere, days_kept, keep, problems_of, publish


def test_a_log_proves_itself_before_and_after_retention(log: Path) -> None:
    whole = verify_log(log)
    assert whole.problems == []
    assert (whole.records, whole.deleted_records) == (10 * 24 * 4, 0)
    keep(log, anywhere, age_days=3)
    proof = verify_log(log)
    assert problems_of(proof) == []
    assert proof.records + proof.deleted_records == whole.records
    assert proof.deleted_segments == whole.segments - proof.segments
    assert problems_of(verify_log(log, link=whole.chain)) == []
    (unknown,) = problems_of(verify_log(log, link="0" * 64))
    assert unknown.startswith("the chain has no link 000")
    deletion = next(line.fields for line in read_chain(log) if line.deleted is not None)
    assert deletion.keys() == {"deleted", "at_ns", "by", "because", "chain"}


def problem(log: Path) -> str:
    (found,) = problems_of(verify_log(log))
    return found


def test_a_missing_segment_is_found(log: Path) -> None:
    path = segment_files(log)[3]
    path.unlink()
    assert problem(log).startswith(f"segment {segment_of(path)} is missing: 5 records from 2023-11-1")


def test_an_altered_segment_is_found(log: Path) -> None:
    """Its index fits, its lines have right checksums: the chain knows another text."""
    from runtime.log.closing import close_segment
    from runtime.log.lines import line_of

    path = segment_files(log)[3]
    lines = FrameText(path).lines()
    altered = line_of(lines[0][9:-1].replace(b'"price_ticks":1', b'"price_ticks":9'))
    plain = log / f"{segment_of(path)}.log"
    path.unlink()
    plain.write_bytes(b"".join((altered, *lines[1:])))
    close_segment(plain)
    plain.unlink()
    assert "was altered: the digest of its text differs from the chain's" in problem(log)


class FrameText:
    def __init__(self, path: Path) -> None:
        self._path = path

    def lines(self) -> list[bytes]:
        from runtime.log.segments import open_segment

        with open_segment(self._path) as file:
            return file.readlines()


def test_damage_is_found_with_file_and_frame(log: Path) -> None:
    path = segment_files(log)[3]
    data = bytearray(path.read_bytes())
    data[read_index(path).packed_bytes // 2] ^= 1
    path.write_bytes(data)
    assert f"{path} is damaged in frame 1 of 1" in problem(log)


def test_an_altered_chain_is_found(log: Path) -> None:
    path = log / CHAIN_FILE
    lines = path.read_text().splitlines(keepends=True)
    fields = json.loads(lines[4])
    path.write_text("".join([*lines[:4], lines[4].replace(fields["digest"], "0" * 64), *lines[5:]]))
    wanted = "line 5 does not match the previous lines"
    assert any(wanted in each for each in problems_of(verify_log(log)))


def test_a_deletion_that_somebody_else_noted_does_not_follow(log: Path) -> None:
    path = segment_files(log)[0]
    path.unlink()
    with (log / CHAIN_FILE).open("a") as file:
        file.write(
            json.dumps(
                {"deleted": segment_of(path), "at_ns": 1, "by": "me", "because": "x", "chain": "0" * 64}
            )
            + "\n"
        )
    assert len(problems_of(verify_log(log))) == 2


def test_a_chain_that_was_cut_with_its_segments_leaves_a_gap(log: Path) -> None:
    names = [segment_of(path) for path in segment_files(log)]
    for path in segment_files(log)[10:-1]:
        path.unlink()
    lines = (log / CHAIN_FILE).read_text().splitlines(keepends=True)
    (log / CHAIN_FILE).write_text("".join(lines[:10]))
    assert f"records {int(names[10])} to {int(names[-1]) - 1} are missing" in problem(log)


def test_a_damaged_chain_is_gone_on_with(log: Path) -> None:
    """What has to go goes, and nothing is closed or noted twice; the damage stays for whoever looks."""
    path = log / CHAIN_FILE
    whole = path.read_bytes()
    lines = len(whole.splitlines())
    for damage in (b"no line of a chain\n", b"\0" * 200 + b"\n"):
        path.write_bytes(whole + damage)
        with structlog.testing.capture_logs() as said:
            keep(log, anywhere, age_days=8)
        (line,) = (line for line in said if line["event"] == "log_chain_damaged")
        assert (line["file"], line["line"]) == (str(path), lines + 1)
        assert path.read_bytes().startswith(whole + damage)
        assert 7.9 < days_kept(log) <= 8
    assert any(f"line {lines + 1} does not match" in each for each in problems_of(verify_log(log)))


def test_a_torn_line_of_the_chain_is_cut_and_written_again(log: Path) -> None:
    path = log / CHAIN_FILE
    data = path.read_bytes()
    path.write_bytes(data[:-20])
    keep(log, anywhere)
    assert path.read_bytes() == data
    assert problems_of(verify_log(log)) == []


def test_a_crash_between_the_note_and_the_deletion_is_finished(
    log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class KilledError(Exception):
        pass

    def dies(*_: Any, **__: Any) -> None:
        raise KilledError

    first = segment_files(log)[0]
    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", dies)
        with pytest.raises(KilledError):
            keep(log, anywhere, age_days=3)
    assert first.exists()
    assert problems_of(verify_log(log)) == []
    keep(log, anywhere)
    assert not first.exists()
    assert problems_of(verify_log(log)) == []


def test_a_chain_that_ends_with_many_deletions_is_gone_on_with(
    log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chain, "_TAIL_BYTES", 600)
    keep(log, anywhere, age_days=3)
    before = list(read_chain(log))
    keep(log, anywhere)
    assert list(read_chain(log)) == before
    bus = LogFileBus(log)
    for number in range(10 * 24 * 4, 10 * 24 * 4 + 20):
        publish(bus, number)
        bus.commit()
    asyncio.run(bus.close())
    keep(log, anywhere)
    added = list(read_chain(log))[len(before) :]
    assert [line.closed for line in added] == [segment_of(path) for path in segment_files(log)][-5:-1]
    assert problems_of(verify_log(log)) == []
