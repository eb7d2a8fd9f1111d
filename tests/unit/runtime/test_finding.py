"""The records of a few types are found as `read_log` would give them, without reading the others."""

import asyncio
from pathlib import Path

import pytest

from runtime.errors import ConfigError
from runtime.log.finding import find_records
from runtime.log.logfile import LogFileBus, read_log, segments
from schemas.envelope import Envelope
from schemas.market import Trade
from schemas.message import Event
from schemas.process import SettingApplied
from tests.kit import messages as kit

WANTED = (SettingApplied.type_name,)


def publish(bus: LogFileBus, number: int, message: Event) -> None:
    topic = "market.trade" if isinstance(message, Trade) else "process.trace"
    bus.publish(topic, Envelope("p", number, None, number, message.type_name), message)


def trade(number: int) -> Trade:
    """One whose id looks like what is sought."""
    return kit.trade(1, 1, None, venue="v", trade_id=f'"type":"{SettingApplied.type_name}"', time_ns=number)


def setting(number: int) -> SettingApplied:
    return SettingApplied(
        event_time_ns=number, process="risk-service", change_id=str(number), setting_key="k", value="1"
    )


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """Several segments, with commits in between."""
    bus = LogFileBus(tmp_path, segment_bytes_max=2_000)
    for number in range(40):
        publish(bus, number, setting(number) if number % 7 == 3 else trade(number))
        bus.commit()
    asyncio.run(bus.close())
    assert len(segments(tmp_path)) > 3
    return tmp_path


def numbers(log: Path) -> list[int]:
    return [record.envelope.sequence for record in find_records(log, WANTED)]


def test_what_is_found_is_what_reading_all_gives(log: Path) -> None:
    everything = [record for record in read_log(log) if record.envelope.type_name in WANTED]
    assert list(find_records(log, WANTED)) == everything
    assert numbers(log) == [3, 10, 17, 24, 31, 38]


def test_several_types_come_in_their_order(log: Path) -> None:
    both = (*WANTED, Trade.type_name)
    assert list(find_records(log, both)) == list(read_log(log))


def test_what_no_commit_follows_is_not_there(log: Path) -> None:
    newest = segments(log)[-1]
    lines = newest.read_bytes().splitlines(keepends=True)
    setting_line = next(
        line for path in segments(log) for line in path.read_bytes().splitlines(keepends=True)
        if b'"sequence":38,' in line
    )  # fmt: skip
    newest.write_bytes(b"".join(lines) + setting_line)
    assert numbers(log) == [3, 10, 17, 24, 31, 38]


def test_a_broken_line_is_passed_over(log: Path) -> None:
    oldest = segments(log)[0]
    oldest.write_bytes(oldest.read_bytes().replace(b'"sequence":3,', b'"sequence":4,', 1))
    assert numbers(log) == [10, 17, 24, 31, 38]


def test_a_folder_without_a_log_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="holds no topic log"):
        numbers(tmp_path / "none")
