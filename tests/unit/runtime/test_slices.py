"""Slices of a log whose end is torn: what is committed is found, and a cut number is no time."""

import asyncio
from pathlib import Path

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
