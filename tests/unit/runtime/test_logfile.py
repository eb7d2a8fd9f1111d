"""The topic log on disk: torn tails, damage, segments, restarts."""

import asyncio
import json
import os
import shutil
from pathlib import Path

import pytest

from runtime.bus import TopicPartition
from runtime.errors import ConfigError, LogDamagedError, LogGoneError
from runtime.log.logfile import LogFileBus, read_log, segments
from runtime.log.position import LogStanding
from schemas.envelope import Envelope
from tests.kit.messages import trade


def write(bus: LogFileBus, *numbers: int) -> None:
    for number in numbers:
        message = trade(number, 1, None, venue="test", trade_id=str(number), time_ns=number)
        envelope = Envelope("monitor-service", number + 1, None, number, message.type_name)
        bus.publish("market.trade", envelope, message)


def log_with_two_commits(directory: Path) -> Path:
    bus = LogFileBus(directory)
    write(bus, 0, 1, 2)
    bus.commit()
    write(bus, 3, 4)
    bus.commit()
    asyncio.run(bus.close())
    return segments(directory)[0]


def numbers(directory: Path) -> list[int]:
    return [record.envelope.event_time_ns for record in read_log(directory)]


def test_a_crash_at_any_byte_of_the_last_commit_loses_that_commit_alone_and_counts_it(tmp_path: Path) -> None:
    path = log_with_two_commits(tmp_path / "whole")
    data = path.read_bytes()
    first_commit = data.index(b'{"commit":3}') + len(b'{"commit":3}\n')
    for cut in range(first_commit + 1, len(data)):
        directory = tmp_path / str(cut)
        directory.mkdir()
        (directory / path.name).write_bytes(data[:cut])
        assert numbers(directory) == [0, 1, 2]
        bus = LogFileBus(directory)
        whole_lines = data[first_commit:cut].count(b"\n")
        assert bus.torn_tail.records == whole_lines
        assert bus.torn_tail.size_bytes == cut - first_commit
        write(bus, 5)
        asyncio.run(bus.close())
        records = list(read_log(directory))
        assert [record.offset for record in records] == [0, 1, 2, 3]
        assert records[-1].envelope.event_time_ns == 5


def test_a_flipped_bit_before_a_commit_is_refused_with_file_and_line(tmp_path: Path) -> None:
    path = log_with_two_commits(tmp_path)
    data = bytearray(path.read_bytes())
    data[data.index(b'"price_ticks":1') + 14] ^= 1
    path.write_bytes(data)
    with pytest.raises(LogDamagedError, match=rf"{path.name} line 2 is damaged"):
        numbers(tmp_path)
    with pytest.raises(LogDamagedError):
        LogFileBus(tmp_path)


def test_a_flipped_bit_in_the_last_commit_is_a_torn_tail(tmp_path: Path) -> None:
    path = log_with_two_commits(tmp_path)
    data = bytearray(path.read_bytes())
    data[-3] ^= 1
    path.write_bytes(data)
    assert numbers(tmp_path) == [0, 1, 2]


def test_segments_roll_and_read_as_one_log(tmp_path: Path) -> None:
    bus = LogFileBus(tmp_path, segment_bytes_max=400)
    for number in range(12):
        write(bus, number)
        bus.commit()
    asyncio.run(bus.close())
    assert len(segments(tmp_path)) > 3
    assert numbers(tmp_path) == list(range(12))
    bus = LogFileBus(tmp_path, segment_bytes_max=400)
    assert asyncio.run(bus.end_offset(TopicPartition("market.trade"))) == 12
    write(bus, 12)
    asyncio.run(bus.close())
    assert numbers(tmp_path) == list(range(13))


def test_damage_in_an_older_segment_is_refused(tmp_path: Path) -> None:
    bus = LogFileBus(tmp_path, segment_bytes_max=400)
    for number in range(12):
        write(bus, number)
        bus.commit()
    asyncio.run(bus.close())
    oldest = segments(tmp_path)[0]
    os.truncate(oldest, oldest.stat().st_size - 4)
    with pytest.raises(LogDamagedError):
        numbers(tmp_path)


def test_uncommitted_records_are_not_read(tmp_path: Path) -> None:
    bus = LogFileBus(tmp_path)
    write(bus, 0)
    bus.commit()
    write(bus, 1)
    assert numbers(tmp_path) == [0]
    asyncio.run(bus.close())
    assert numbers(tmp_path) == [0, 1]


def test_a_folder_without_a_log_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="holds no topic log"):
        numbers(tmp_path / "missing")


def test_a_short_write_is_finished(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bus = LogFileBus(tmp_path)
    real_write = os.write
    monkeypatch.setattr(os, "write", lambda file, data: real_write(file, bytes(data)[:7]))
    write(bus, 0, 1)
    bus.commit()
    monkeypatch.undo()
    asyncio.run(bus.close())
    assert numbers(tmp_path) == [0, 1]


@pytest.mark.parametrize("is_moved", [True, False])
def test_a_log_that_is_gone_is_noticed_and_not_written_on(tmp_path: Path, is_moved: bool) -> None:
    folder = tmp_path / "log"
    bus = LogFileBus(folder, segment_bytes_max=1)
    write(bus, 0)
    bus.commit()
    if is_moved:
        folder.rename(tmp_path / "elsewhere")
    else:
        shutil.rmtree(folder)
    write(bus, 1)
    for _ in range(2):  # whoever tries again hears the same
        with pytest.raises(LogGoneError, match=f"{folder}/.* was deleted or moved"):
            bus.commit()
        write(bus, 2)
    asyncio.run(bus.close())
    assert not folder.exists()
    if is_moved:
        assert numbers(tmp_path / "elsewhere") == [0, 1]


def test_a_log_in_whose_place_another_was_put_is_gone(tmp_path: Path) -> None:
    bus = LogFileBus(tmp_path)
    (path,) = tmp_path.glob("*.log")
    path.unlink()
    path.touch(mode=0o600)
    write(bus, 0)
    with pytest.raises(LogGoneError):
        bus.commit()
    asyncio.run(bus.close())


def test_a_log_is_opened_and_read_from_a_place_on(tmp_path: Path) -> None:
    """At every commit of it, over several segments: as if it had been read whole."""
    bus = LogFileBus(tmp_path, segment_bytes_max=2_000)
    standings = []
    for number in range(30):
        write(bus, number)
        if number % 3 == 0:
            bus.commit()
            standings.append(bus.standing)
    asyncio.run(bus.close())
    whole = list(read_log(tmp_path))
    newest = LogFileBus(tmp_path)
    expected = newest.standing
    asyncio.run(newest.close())
    assert len(segments(tmp_path)) > 3
    for standing in standings:
        assert list(read_log(tmp_path, standing.position)) == whole[standing.position.records :]
        again = LogFileBus(
            tmp_path, standing=LogStanding.from_json(json.loads(json.dumps(standing.to_json())))
        )
        assert again.standing == expected
        asyncio.run(again.close())
