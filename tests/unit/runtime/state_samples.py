"""A snapshot, a carried state and the folder of a process, as small as they can be."""

from typing import Any

from runtime.bus import TopicPartition
from runtime.state.carried_file import CarriedState
from runtime.state.journal import Journal
from runtime.state.snapshot import Snapshot, to_bytes
from runtime.state.standing import Standing
from runtime.state.state_files import StateFiles
from schemas.carried.runtime import ProcessCarried
from schemas.config import Config
from tests.kit.messages import config_applied, trade

TRADE = trade(3, 2, venue="v", symbol="A/B", trade_id='"\n\\é', time_ns=7)
SOURCES = "71d0"


def standing(inputs: int = 5) -> Standing:
    return Standing(
        inputs=inputs,
        sequence=1,
        trace_sequence=2,
        adapter_sequence=3,
        positions={TopicPartition("market.trade", 1): 9},
        newest={("market.trade", 1, "monitor-service@"): 4},
        end_offsets={TopicPartition("order.fill", 0): 2},
        unconfirmed={TopicPartition("order.fill", 0): [(b"k", b"v", [("ce_id", b"r:1")], 5, 6)]},
    )


def snapshot(core: Any = None, inputs: int = 5, sources: str = SOURCES) -> Snapshot:
    return Snapshot(sources, standing(inputs), core, None)


def state(inputs: int = 5) -> CarriedState:
    applied = config_applied(Config(), "p", session_began_ns=1, time_ns=1)
    return CarriedState(applied, standing(inputs), (ProcessCarried(event_time_ns=1, process="p"),))


def roll(files: StateFiles, epoch: int, inputs: int, session: int = 1, *, carries: bool = True) -> Journal:
    carried = state(inputs).to_bytes() if carries else None
    return files.roll(epoch, session, to_bytes(snapshot(inputs=inputs)), carried)
