"""A log of several segments, for tests of how it is kept."""

import asyncio
from pathlib import Path

from runtime.log.logfile import LogFileBus
from runtime.log.segments import segment_files
from schemas.envelope import Envelope
from schemas.process import SettingApplied
from schemas.units import NS_PER_S
from tests.kit.messages import trade

T0 = 1_700_000_000 * NS_PER_S
FRAME_BYTES = 2_000
RECORDS = 240


def publish(bus: LogFileBus, number: int) -> None:
    """A trade each second, and a rare setting."""
    time_ns = T0 + number * NS_PER_S
    if number % 60 == 30:
        setting = SettingApplied(
            event_time_ns=time_ns, process="risk-service", change_id=str(number), setting_key="k", value="1"
        )
        envelope = Envelope("risk-service/trace", number + 1, None, time_ns, setting.type_name)
        bus.publish("process.setting", envelope, setting)
        return
    message = trade(1, 1, None, venue="test", trade_id=str(number), time_ns=time_ns)
    envelope = Envelope("monitor-service", number + 1, None, time_ns, message.type_name)
    bus.publish("market.trade", envelope, message)


def write_segments(folder: Path) -> None:
    """All plain, with a commit after every third record."""
    bus = LogFileBus(folder, segment_bytes_max=20_000)
    for number in range(RECORDS):
        publish(bus, number)
        if number % 3 == 2:
            bus.commit()
    asyncio.run(bus.close())
    assert len(segment_files(folder)) > 3
