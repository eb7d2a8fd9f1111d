"""Slices of a log whose end is torn: what is committed is found, and a cut number is no time."""

import asyncio
import random
from pathlib import Path

import pytest

from runtime.log import plain_times
from runtime.log.closing import close_segment
from runtime.log.logfile import LogFileBus, read_log, segments
from runtime.log.slices import first_time_ns, last_time_ns, log_records
from schemas.envelope import Envelope
from schemas.units import NS_PER_S
from tests.kit.messages import trade

T0 = 1_700_000_000_000_000_000
FOREVER = 1 << 62


def write(bus: LogFileBus, number: int, *, commits: bool = True) -> None:
    message = trade(1, 1, None, venue="test", trade_id=str(number), time_ns=T0 + number)
    bus.publish("market.trade", Envelope("p", number, None, T0 + number, message.type_name), message)
    if commits:
        bus.commit()


def write_disordered(folder: Path, seed: int) -> None:
    """A record a second; many are up to 17 s late or early, some by minutes."""
    chance = random.Random(seed)
    bus = LogFileBus(folder, segment_bytes_max=60_000)
    for number in range(1_000):
        moved_s = chance.choice([0, 0, 0, chance.randint(-17, 17), chance.randint(-17, 17)])
        if chance.random() < 0.01:
            moved_s = chance.randint(-200, 200)
        write(bus, (1_000 + number + moved_s) * NS_PER_S, commits=number % 5 == 4)
    bus.commit()
    asyncio.run(bus.close())


@pytest.mark.parametrize("kept_closed", [0, 3, 99])
def test_a_stretch_lacks_nothing_however_far_records_are_out_of_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kept_closed: int
) -> None:
    monkeypatch.setattr(plain_times, "_PART_BYTES", 1_000)
    for seed in range(5):
        folder = tmp_path / str(seed)
        write_disordered(folder, seed)
        for path in segments(folder)[:-1][:kept_closed]:
            close_segment(path, frame_bytes=5_000)
            path.unlink()
        assert len(segments(folder)) > 4
        everything = [record for record in read_log(folder) if record.topic == "market.trade"]
        for begin_s in range(800, 2_200, 37):
            begin, end = T0 + begin_s * NS_PER_S, T0 + (begin_s + 11) * NS_PER_S
            found = [record for record, _ in log_records(folder, frozenset({"market.trade"}), begin, end)]
            assert found == [each for each in everything if begin <= each.envelope.event_time_ns <= end]


def test_what_a_plain_segment_gained_since_the_last_look_is_found(tmp_path: Path) -> None:
    bus = LogFileBus(tmp_path)
    for number in range(1, 200):
        write(bus, number * NS_PER_S)
        at = T0 + number * NS_PER_S
        [(record, _)] = log_records(tmp_path, frozenset({"market.trade"}), at, FOREVER)
        assert record.envelope.event_time_ns == at
    asyncio.run(bus.close())


def test_a_log_that_is_cut_at_any_byte_is_sliced_as_it_is_read(tmp_path: Path) -> None:
    bus = LogFileBus(tmp_path / "whole")
    for number in (1, 2):
        write(bus, number)
    asyncio.run(bus.close())
    (path,) = segments(tmp_path / "whole")
    data = path.read_bytes()
    for cut in range(len(data) + 1):
        folder = tmp_path / str(cut)
        folder.mkdir()
        (folder / path.name).write_bytes(data[:cut])
        committed = list(read_log(folder))
        for topics in ({"market.trade"}, {"order.fill"}):
            found = [record for record, _ in log_records(folder, frozenset(topics), 0, FOREVER)]
            assert found == [record for record in committed if record.topic in topics]
        assert first_time_ns(folder) in {0, T0 + 1}
        assert last_time_ns(folder) in {0, T0 + 1, T0 + 2}


def test_a_commit_that_goes_on_beyond_the_stretch_is_read_to_its_end(tmp_path: Path) -> None:
    """As at speed max, where one commit may hold many seconds."""
    bus = LogFileBus(tmp_path)
    for number in range(1_000):
        write(bus, number * NS_PER_S, commits=False)
    bus.commit()
    asyncio.run(bus.close())
    begin, end = T0 + 500 * NS_PER_S, T0 + 510 * NS_PER_S
    found = [
        record.envelope.event_time_ns
        for record, _ in log_records(tmp_path, frozenset({"market.trade"}), begin, end)
    ]
    assert [time_ns for time_ns in found if begin <= time_ns <= end] == list(range(begin, end + 1, NS_PER_S))
