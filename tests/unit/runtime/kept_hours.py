"""A log of ten days, and what keeps of it what is asked for."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from runtime.log.keeper import LogKeeper
from runtime.log.logfile import LogFileBus
from runtime.log.packed import read_index
from runtime.log.segments import is_closed, segment_files, segment_of
from runtime.log.verify import LogProof
from schemas.deployment import Keep
from schemas.envelope import Envelope
from schemas.units import NS_PER_S
from tests.kit.messages import trade

T0 = 1_700_000_000 * NS_PER_S
HOUR_NS = 3_600 * NS_PER_S


def problems_of(proof: LogProof) -> list[str]:
    """Those of its text: these logs have no checkpoints."""
    return [each for each in proof.problems if "checkpoint" not in each]


def publish(bus: LogFileBus, number: int) -> None:
    time_ns = T0 + number * HOUR_NS // 4
    message = trade(1, 1, None, venue="test", trade_id=str(number), time_ns=time_ns)
    bus.publish("market.trade", Envelope("p", number + 1, None, time_ns, message.type_name), message)


def keep(folder: Path, begins: Callable[[Path], frozenset[int]], **settings: Any) -> None:
    """Do what there is to do, in this thread."""
    bounds = {"age_days": 36_600, "size_gb": None, "disk_share": 0.999} | settings
    each = LogKeeper(folder, Keep(**bounds), begins=begins, pause_share=0.0)
    try:
        each._work()
    finally:
        if each._chain is not None:
            each._chain.close()


def anywhere(folder: Path) -> frozenset[int]:
    return frozenset(int(segment_of(path)) for path in segment_files(folder))


def days_kept(folder: Path) -> float:
    closed = [read_index(path) for path in segment_files(folder) if is_closed(path)]
    return (closed[-1].last_time_ns - closed[0].last_time_ns) / 24 / HOUR_NS
