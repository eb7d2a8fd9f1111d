"""What of a log is kept."""

import asyncio
import shutil
from pathlib import Path
from typing import NamedTuple

import pytest
import structlog

from runtime.bus import TopicPartition
from runtime.errors import LogGoneError, OffsetOutOfRangeError
from runtime.log.chain import read_chain
from runtime.log.figures import log_figures
from runtime.log.logfile import LogFileBus, read_log
from runtime.log.packed import read_index
from runtime.log.position import LogPosition
from runtime.log.segments import is_closed, segment_files, segment_of
from runtime.log.verify import verify_log
from runtime.state.checkpoint import Checkpoints
from schemas.envelope import Envelope
from tests.kit.messages import trade
from tests.unit.runtime.kept_hours import HOUR_NS, T0, anywhere, days_kept, keep, problems_of, publish

ALL = 1e6
"""So much age, or size, that nothing goes because of it."""


def test_what_is_too_old_goes_and_is_said_in_one_line(log: Path) -> None:
    before = segment_files(log)
    with structlog.testing.capture_logs() as said:
        keep(log, anywhere, age_days=3)
    assert 2.9 < days_kept(log) <= 3
    gone = [path for path in before if not path.exists()]
    assert gone == before[: len(gone)]
    (line,) = said
    assert line["event"] == "log_segments_deleted"
    assert line["segments"] == len(gone)
    assert line["from_time"].startswith("2023-11-14T22:13:20")
    assert line["because"] == "age_days 3"


def test_a_time_that_cannot_be_deletes_nothing(log: Path) -> None:
    """One record of some 28 years later, in the newest closed segment."""
    before = segment_files(log)
    bus = LogFileBus(log)
    end = 10 * 24 * 4
    for number in (end, end + 1, end + 10**6, end + 2, end + 3):
        publish(bus, number)
        bus.commit()
    asyncio.run(bus.close())
    keep(log, anywhere, age_days=20)
    assert read_index(segment_files(log)[-2]).last_time_ns > T0 + 10**5 * HOUR_NS
    assert all(segment_of(path) in map(segment_of, segment_files(log)) for path in before)


def test_a_clock_set_ahead_deletes_a_day_at_most_and_keeps_nothing_for_ever(log: Path) -> None:
    """The engine's time goes on from there, also when the clock is right again."""
    year, hours, before = 365 * 24 * 4, 2 * 4, days_kept(log)
    bus = LogFileBus(log)
    for number in range(hours):
        publish(bus, 10 * 24 * 4 + year + number)
        bus.commit()
    keep(log, anywhere, age_days=5)
    old = [path for path in segment_files(log) if is_closed(path) and read_index(path).last_time_ns < T0 * 2]
    assert before > 9
    first, last = read_index(old[0]), read_index(old[-2])
    assert last.last_time_ns - first.last_time_ns > 3.8 * 24 * HOUR_NS
    for number in range(hours, hours + 6 * 24 * 4):
        publish(bus, 10 * 24 * 4 + year + number)
        bus.commit()
    asyncio.run(bus.close())
    keep(log, anywhere, age_days=5)
    assert not any(path.exists() for path in old)
    assert 4.9 < days_kept(log) <= 5
    assert problems_of(verify_log(log)) == []


def test_a_clock_set_back_an_hour_keeps_and_deletes_as_ever(log: Path) -> None:
    """A start an hour before the log's end goes on a nanosecond behind it."""
    bus = LogFileBus(log)
    for _ in range(4):
        publish(bus, 10 * 24 * 4 - 1)
        bus.commit()
    for number in range(10 * 24 * 4, 10 * 24 * 4 + 24 * 4):
        publish(bus, number)
        bus.commit()
    asyncio.run(bus.close())
    keep(log, anywhere, age_days=3)
    assert 2.9 < days_kept(log) < 3.1


def test_what_is_too_large_goes(log: Path) -> None:
    size = sum(path.stat().st_size for path in segment_files(log))
    keep(log, anywhere, size_gb=size / 2 / 1e9)
    assert sum(path.stat().st_size for path in segment_files(log)) <= size / 2
    assert days_kept(log) > 4.5
    keep(log, anywhere, size_gb=size / 2 / 1e9)
    assert days_kept(log) > 4.5


def test_a_share_of_the_disk_is_of_what_would_be_free_without_the_log(
    log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Usage(NamedTuple):
        free: int

    size = sum(path.stat().st_size for path in segment_files(log))
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(size))
    keep(log, anywhere, disk_share=0.51)
    assert days_kept(log) > 9
    keep(log, anywhere, disk_share=0.25)
    assert 4 < days_kept(log) < 5.5
    *_, newest = read_chain(log)
    assert newest.fields["because"] == "disk_share 0.25"


def test_nothing_goes_by_the_defaults_of_a_demo(log: Path) -> None:
    before = segment_files(log)
    keep(log, anywhere)
    assert segment_files(log) == before


def test_a_log_begins_where_a_checkpoint_stands(log: Path) -> None:
    names = [int(segment_of(path)) for path in segment_files(log)]
    begin = names[20]
    keep(log, lambda _: frozenset({names[5], begin}), age_days=3)
    assert int(segment_of(segment_files(log)[0])) == begin


def test_without_any_checkpoint_nothing_goes(log: Path) -> None:
    before = segment_files(log)
    keep(log, lambda _: frozenset(), age_days=0.01)
    assert segment_files(log) == before


def test_the_newest_closed_segment_stays_whatever_is_asked(log: Path) -> None:
    before = segment_files(log)
    keep(log, anywhere, age_days=1e-9, size_gb=1e-9, disk_share=1e-9)
    assert segment_files(log) == before[-2:]


def test_a_log_may_begin_where_every_process_has_its_checkpoint(tmp_path: Path) -> None:
    folder = tmp_path / "checkpoints"
    folder.mkdir()
    for name in (f"{7:020d}.a", f"{7:020d}.b", f"{9:020d}.a", f"{12:020d}.b", f"{12:020d}.a"):
        (folder / f"{name}.state").touch()
    assert Checkpoints(tmp_path).begins() == {7, 12}


def test_a_log_whose_beginning_was_deleted_reads_and_goes_on(log: Path) -> None:
    whole = list(read_log(log))
    keep(log, anywhere, age_days=3)
    first = int(segment_of(segment_files(log)[0]))
    assert list(read_log(log)) == whole[first:]
    assert list(read_log(log, LogPosition(first, 0, first))) == whole[first:]
    with pytest.raises(LogGoneError, match=f"starts at record {first}"):
        next(read_log(log, LogPosition(0, 0, 0)))
    bus = LogFileBus(log)
    assert asyncio.run(bus.end_offset(TopicPartition("market.trade"))) == len(whole)
    assert bus.standing.position.records == len(whole)
    assert bus.last_sequences["p"] == len(whole)
    asyncio.run(bus.close())


def test_a_reader_of_what_was_deleted_is_told_so(log: Path) -> None:
    keep(log, anywhere, age_days=3)
    first = int(segment_of(segment_files(log)[0]))
    trades = TopicPartition("market.trade")
    bus = LogFileBus(log)
    (record,) = asyncio.run(bus.reader({trades: first}).poll(1, 0))
    assert record.offset == first
    with pytest.raises(OffsetOutOfRangeError, match=f"was deleted: the log starts at offset {first}"):
        asyncio.run(bus.reader({trades: first - 1}).poll(1, 0))
    asyncio.run(bus.close())


def test_what_only_deleted_segments_held_counts_on(tmp_path: Path) -> None:
    """The offsets of a topic that had records before what is left of the log, and none since."""
    bus = LogFileBus(tmp_path, segment_bytes_max=2_000)
    for number in range(3):
        publish(bus, number)
    bus.commit()
    for _ in range(40):
        time_ns = T0 + HOUR_NS
        message = trade(1, 1, None, venue="t", symbol="X", trade_id="1", time_ns=time_ns)
        bus.publish("order.fill", Envelope("q", 1, None, time_ns, message.type_name), message)
        bus.commit()
    asyncio.run(bus.close())
    keep(tmp_path, anywhere, size_gb=1e-9)
    assert not any(record.topic == "market.trade" for record in read_log(tmp_path))
    again = LogFileBus(tmp_path)
    assert asyncio.run(again.end_offset(TopicPartition("market.trade"))) == 3
    asyncio.run(again.close())


def test_figures_say_how_many_days_the_disk_has_room_for(log: Path) -> None:
    figures = log_figures(log)
    assert figures.disk_bytes == sum(path.stat().st_size for path in segment_files(log))
    assert sum(each.records for each in figures.segments) == 10 * 24 * 4
    day = figures.bytes_a_day
    assert day == pytest.approx(figures.disk_bytes / 10, rel=0.1)
    assert figures.days_left == pytest.approx(figures.free_bytes / (figures.disk_bytes / 10), rel=0.1)
