"""One setting with the value 1e999999 ended every process, and the log refused every later start.

What happened: a trader set an order size to `1e999999` through the API, which answered 202. Quoting
overflowed, each process ended, and since the message was in the log, every start and every replay ended
in the same way. Ten settings could do that.

What was wrong: numbers that come in had no bounds, and what a handler raised ended its process.

What holds it now: numbers have bounds beside their fields, a core tries a setting before it takes it
over, and what still fails costs the message's symbol alone: it is halted by name, the others trade on.
Logs that hold such messages start, replay, and can be explained. tests/unit/extremes tries every number
of every message.
"""

import asyncio
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from gateway_api.history.state import StateMoments
from monitor_service.feeds.synthetic import SyntheticFeed

from maker.composition import process_definitions
from maker.engine import Engine, RunOptions
from runtime.config.settings import load_config
from runtime.log.logfile import LoggedRecord, read_log
from runtime.process.definition import HistorySource
from runtime.replay.verify import replay
from runtime.replay.why import why
from schemas.control import Override, SettingChange
from schemas.envelope import decode
from schemas.market import FeedTrade
from schemas.message import Event
from schemas.process import MessageFault, SettingApplied
from schemas.risk import RiskAlert, RiskState
from schemas.views import SYMBOL_PREFIX, SymbolView

POISONED, SOUND = "BTC/USDT", "LTC/USDT"
ABOUT = {"event_time_ns": 0, "venue": "*", "symbol": "*"}


@contextmanager
def poisonous_trade() -> Iterator[None]:
    """The feed says once of one symbol what no arithmetic can work with."""
    honest, left = SyntheticFeed.poll_due, [True]

    def poll_due(self: SyntheticFeed, now_ns: int) -> Iterable[Event]:
        events = list(honest(self, now_ns))
        yield from events
        trades = [e for e in events if isinstance(e, FeedTrade) and e.symbol == POISONED]
        if trades and left:
            left.clear()
            yield trades[0].model_copy(update={"price_ticks": 10**400, "trade_id": "poison"})

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(SyntheticFeed, "poll_due", poll_due)
        yield


def run(log: Path, number_of_run: int) -> dict[str, Any]:
    overrides = {"feed": {"speed": "max", "seed": 3}, "engine": {"log_dir": str(log)}}
    engine = Engine(load_config((), overrides).config, RunOptions(for_s=20, gateway=False))
    for number, (key, value) in enumerate(
        (("pricing.order_notional_max", "1e999999"), ("inventory.max_inventory", "1e-999999"))
    ):
        engine._loop.send_control(
            SettingChange(
                **ABOUT,
                change_id=f"{number_of_run}-{number}",
                setting_key=key,
                value=value,
                requester="ann",
            )
        )
    engine._loop.send_control(
        Override(
            event_time_ns=0,
            venue="synthetic",
            symbol=SOUND,
            override_id=f"o-{number_of_run}",
            side="buy",
            price_ticks=10**40,
            size_lots=10**40,
            codes=("X" * 60_000,),
            valid_until_ns=1,
            requester="ann",
            approver="bob",
            reason="r",
        )
    )
    return asyncio.run(engine.run())


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two runs into one log: the second begins by feeding the first to its processes again."""
    folder = tmp_path_factory.mktemp("poison") / "log"
    for number in range(2):
        with poisonous_trade():
            summary = run(folder, number)
        assert summary["symbols"][SOUND]["orders"] > 0
    return folder


def found(log: Path, model: type[Event]) -> list[Any]:
    records: Iterable[LoggedRecord] = read_log(log)
    return [decode(model, r.payload) for r in records if r.envelope.type_name == model.type_name]


def test_the_message_is_named_its_symbol_halts_and_the_others_trade_on(log: Path) -> None:
    faults = found(log, MessageFault)
    assert [(each.process, each.symbol, each.error) for each in faults] == [
        ("monitor-service", POISONED, "OutOfScaleError")
    ] * 2
    (alert,) = (each for each in found(log, RiskAlert) if each.name == "FAULT")
    assert alert.symbol == POISONED
    assert faults[0].event_id in alert.message
    newest = {each.symbol: each for each in found(log, RiskState)}
    assert newest[POISONED].state == "HALT"
    assert newest[SOUND].state == newest["*"].state == "RUN"


def test_what_cannot_be_set_was_refused_by_every_process(log: Path) -> None:
    applied = found(log, SettingApplied)
    assert len(applied) == 2 * 3, "one process reads the one, two read the other"
    assert all("out of scale" in each.refused_because for each in applied)


def test_it_replays_with_the_same_refusals(log: Path) -> None:
    definitions = {definition.name: definition for definition in process_definitions()}
    for result in replay(read_log(log), definitions):
        assert result.inputs > 100
        assert result.divergences == 0, (result.name, result.first)


def test_it_can_be_explained_and_looked_back_at(log: Path) -> None:
    assert why(log, SOUND, None)["symbol"] == SOUND
    last_ns = max(record.envelope.event_time_ns for record in read_log(log))
    documents = StateMoments(HistorySource(log_dir=log)).documents(f"synthetic:{POISONED}", last_ns)
    view = decode(SymbolView, documents[f"{SYMBOL_PREFIX}synthetic:{POISONED}"])
    assert view.risk is not None
    assert view.risk.state == "HALT"
