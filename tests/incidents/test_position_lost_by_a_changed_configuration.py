"""A changed setting cost the position: the ledger began at 0 while the account held +16.70 SOL.

What happened: a log refused to continue under another configuration. The only way out was a new folder,
in which the ledger began at 0, and with it every limit, while the account still held what had been
traded before.

What was wrong: what must survive a change was part of a state that only the same code and configuration
could read.

What holds it now: under another configuration a new session begins in the same log with what the one
before carried: positions, halts, live settings. What a file cannot mean for what is held is refused with
a command (tests/system/test_changed_configuration.py).
"""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from maker.composition import process_definitions
from maker.engine import RunOptions, run_engine
from runtime.config.control_keys import with_keys
from runtime.config.settings import load_config
from runtime.log.logfile import LogFileBus, read_log
from runtime.replay.verify import replay
from schemas.config import Config
from schemas.control import Command, SettingChange
from schemas.envelope import Envelope, decode
from schemas.inventory import Position
from schemas.message import ALL_SYMBOLS
from schemas.process import ConfigApplied, SettingApplied
from schemas.risk import RiskState
from schemas.topics import GATEWAY, TOPIC_OF

pytestmark = pytest.mark.slow

RUN_S = 40.0
PEOPLE: dict[str, Any] = {
    "venue": ALL_SYMBOLS,
    "symbol": ALL_SYMBOLS,
    "request": f"{7:032x}-{8:032x}",
    "scope": ("*",),
    "reason": "a test",
}


def run(log: Path, **settings: Any) -> Config:
    sections: dict[str, Any] = {"feed": {"speed": "max"}, "engine": {"log_dir": str(log)}}
    config = load_config((), sections | settings, {}).config
    run_engine(config, RunOptions(for_s=RUN_S, gateway=False))
    return config


def leave_a_word(log: Path, config: Config, event: Command | SettingChange) -> None:
    """While the engine is down."""
    bus = LogFileBus(log)
    _, signer = with_keys(config, log, signs=True)
    assert signer is not None
    signed = signer.sign(event)
    number = bus.last_sequences[GATEWAY] + 1
    envelope = Envelope(GATEWAY, number, None, signed.event_time_ns, signed.type_name)
    bus.publish(TOPIC_OF[signed.type_name], envelope, signed)
    asyncio.run(bus.close())


def end_ns(log: Path) -> int:
    return max(record.envelope.event_time_ns for record in read_log(log))


def sessions(log: Path, process: str = "quote-service") -> list[ConfigApplied]:
    return [
        decode(ConfigApplied, record.payload)
        for record in read_log(log)
        if record.envelope.type_name == ConfigApplied.type_name and record.key == process
    ]


def told(log: Path, kind: type[Any], after_ns: int = 0) -> list[Any]:
    return [
        decode(kind, record.payload)
        for record in read_log(log)
        if record.envelope.type_name == kind.type_name and record.envelope.event_time_ns > after_ns
    ]


def positions(messages: list[Position]) -> Mapping[str, Position]:
    return {message.symbol: message for message in messages}


def assert_replays(log: Path, borders: int) -> None:
    for result in replay(read_log(log), {each.name: each for each in process_definitions()}):
        assert (result.name, result.divergences) == (result.name, 0)
        assert len(result.sessions) == borders + 1


def test_another_setting_begins_a_session_with_the_ledger_of_the_one_before(tmp_path: Path) -> None:
    run(tmp_path)
    border_ns = end_ns(tmp_path)
    before = positions(told(tmp_path, Position))
    assert any(position.position_lots for position in before.values())
    run(tmp_path, market_making={"base_spread": "0.0043"})
    first: dict[str, Position] = {}
    for position in told(tmp_path, Position, border_ns):
        first.setdefault(position.symbol, position)
    for symbol, position in before.items():
        ledger = ("position_lots", "realised", "fees", "fills", "average_price_ticks", "max_drawdown")
        assert [getattr(first[symbol], name) for name in ledger] == [
            getattr(position, name) for name in ledger
        ]
    assert len({applied.session_began_ns for applied in sessions(tmp_path)}) == 2
    assert_replays(tmp_path, borders=1)


def test_the_same_setting_goes_on_in_the_same_session(tmp_path: Path) -> None:
    run(tmp_path)
    run(tmp_path)
    first, second = sessions(tmp_path)
    assert first.session_began_ns == second.session_began_ns
    assert_replays(tmp_path, borders=0)


def test_a_halt_that_was_said_while_the_engine_was_down_is_heard_first(tmp_path: Path) -> None:
    config = run(tmp_path)
    border_ns = end_ns(tmp_path)
    halt = Command(event_time_ns=border_ns + 1, command_id="c-1", action="halt", principal="rita", **PEOPLE)
    leave_a_word(tmp_path, config, halt)
    run(tmp_path, market_making={"base_spread": "0.0043"})
    states = [state for state in told(tmp_path, RiskState, border_ns) if state.symbol == ALL_SYMBOLS]
    assert states[-1].state == "HALT"
    assert not any(
        record.topic == "order.event" and b'"kind":"place_intent"' in record.payload
        for record in read_log(tmp_path)
        if record.envelope.event_time_ns > border_ns + 1
    )
    run(tmp_path, market_making={"base_spread": "0.0044"})
    states = [state for state in told(tmp_path, RiskState) if state.symbol == ALL_SYMBOLS]
    assert states[-1].state == "HALT", "it was latched, and the next session knows"
    assert_replays(tmp_path, borders=2)


def test_what_was_changed_live_stays_until_the_files_value_of_it_changes(tmp_path: Path) -> None:
    config = run(tmp_path)
    change = SettingChange(
        event_time_ns=end_ns(tmp_path) + 1,
        change_id="c-1",
        setting_key="market_making.base_spread",
        value="0.0031",
        requester="tom",
        **PEOPLE,
    )
    leave_a_word(tmp_path, config, change)
    run(tmp_path)
    assert {each.value for each in told(tmp_path, SettingApplied)} == {"0.0031"}
    run(tmp_path, shape={"levels": 2})
    stands = sessions(tmp_path)[-1]
    assert str(stands.config.market_making.base_spread) == "0.0031"
    assert [value.setting_key for value in stands.live_settings] == ["market_making.base_spread"]
    run(tmp_path, shape={"levels": 2}, market_making={"base_spread": "0.0043"})
    falls = sessions(tmp_path)[-1]
    assert (str(falls.config.market_making.base_spread), falls.live_settings) == ("0.0043", ())
    assert_replays(tmp_path, borders=2)
