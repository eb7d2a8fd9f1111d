"""`maker pnl` of whatever router and inventory write: read without a refusal, and the ledger's very figures.

The router's own core is driven with answers, and with reports that a venue might make up, in any order; what
it says goes to the ledger and to a log, as in the engine.
"""

import tempfile
from decimal import Decimal
from pathlib import Path
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from research.pnl.command import run_pnl
from schemas.inventory import Position
from tests.kit.messages import (
    KEY,
    instrument,
    risk_state,
)
from tests.unit.quote_service.routing.builders import wide_config
from tests.unit.research.any_log import BNB, STEPS, Engine, play, write


def agree(folder: Path, said: dict[str, Position], *, counts_fills: bool = True) -> None:
    """To the last digit. A log that begins with ledgers has no count of the fills before it."""
    report = run_pnl(str(folder)).report
    for key, position in said.items():
        told = report.symbols[key]
        lines = told.attribution
        assert lines.residual_max == 0
        assert lines.capture == position.pnl_capture
        assert lines.inventory == position.pnl_inventory
        assert lines.fees == position.fees
        assert lines.equity_change == position.pnl
        assert told.costs.average.total == position.realised + position.unrealised
        assert told.open_fees == {fee.currency: fee.amount for fee in position.open_fees}
        assert not counts_fills or told.fills.fills == position.fills


ANOTHER_LOT = [
    ("target", [(1, 1)], [(1, 1)]),
    ("contract", {"lot_size": Decimal("0.1"), "version": 3}),
    ("answer", False),
    ("contract", {}),
    ("answer", True),
]
"""An order keeps the lot with which it began, while the contract has others."""
IN_WHAT_PEOPLE_SAID = [
    ("target", [(1, 5)], []),
    ("answer", True),
    ("contract", {"multiplier": Decimal(2), "version": 4}),
    ("report", "fill", 0, 100, 2, "buy", 50, "USDT", Decimal(0)),
    ("contract", {}),
    ("adjust", 1, None),
    ("opening", 5, 100),
    ("session",),
    ("adjust", -9, None),
    ("contract", {"multiplier": Decimal(2), "version": 4}),
    ("signal", "BTC/USDT", 220),
]
"""A fill in a contract that the ledger does not count in is in what people say that it holds, and comes no
more when that contract is in force again.
"""
SAME_NUMBER_IN_OTHER_TICKS = [
    ("signal", "BTC/USDT", 2),
    ("adjust", 1, None),
    ("contract", {"tick_size": Decimal("0.5"), "version": 2}),
    ("signal", "BTC/USDT", 2),
]

FLAT_AGAIN_IN_AN_OLD_CONTRACT = [
    ("wait", 1),
    ("target", [(1, 10)], [(1, 1)]),
    ("report", "fill", 0, 0, 6, "sell", None, None, Decimal(0)),
    ("contract", {"multiplier": Decimal(2), "version": 4}),
    ("answer", True),
]
"""A ledger that is flat counts in the contract in force from then on, and not in that of a late fill."""


@settings(max_examples=120)
@given(steps=st.lists(STEPS, min_size=25, max_size=60))
@example(steps=ANOTHER_LOT)
@example(steps=IN_WHAT_PEOPLE_SAID)
@example(steps=SAME_NUMBER_IN_OTHER_TICKS)
@example(steps=FLAT_AGAIN_IN_AN_OLD_CONTRACT)
def test_any_log_is_read_and_its_profit_is_the_ledgers(steps: list[tuple[Any, ...]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        engine = write(Path(folder), steps)
        agree(Path(folder), engine.said)
        one = run_pnl(folder, symbol=KEY).report
        assert one.symbols == {KEY: run_pnl(folder).report.symbols[KEY]}


@settings(max_examples=60)
@given(before=st.lists(STEPS, min_size=10, max_size=40), after=st.lists(STEPS, min_size=10, max_size=40))
def test_a_log_that_begins_with_ledgers_begins_with_their_profit(
    before: list[tuple[Any, ...]], after: list[tuple[Any, ...]]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        engine = Engine(Path(folder) / "one", wide_config())
        engine.take(instrument())
        engine.take(risk_state())
        for step in before:
            play(engine, step)
        engine.another_session(Path(folder) / "two")
        for step in after:
            play(engine, step)
        engine.close()
        agree(Path(folder) / "two", engine.said, counts_fills=False)


def test_a_rate_of_another_symbol_counts_where_one_symbol_is_asked_for(tmp_path: Path) -> None:
    """0.0036 BNB, open until the mid of 594.25 comes: 2.1393; the fill's own log says nothing of BNB."""
    fill = ("report", "fill", 0, 100, 3, "buy", 1, "BNB", Decimal("0.0036"))
    steps = [("target", [(1, 5)], []), fill]
    engine = write(tmp_path / "open", steps)
    agree(tmp_path / "open", engine.said)
    open_fees = run_pnl(str(tmp_path / "open")).report.symbols[KEY].open_fees
    assert open_fees == {"BNB": Decimal("0.0036")}
    said = run_pnl(str(tmp_path / "open"), rates={"BNB": Decimal("594.25")}).report.symbols[KEY]
    assert (said.attribution.fees, said.open_fees) == (Decimal("2.1393"), {}), (
        "a rate that was said afterwards"
    )
    engine = write(tmp_path / "booked", [*steps, ("other contract",), ("signal", BNB, 1_188)])
    agree(tmp_path / "booked", engine.said)
    told = run_pnl(str(tmp_path / "booked"), symbol=KEY).report
    assert list(told.symbols) == [KEY]
    assert told.symbols[KEY].attribution.fees == Decimal("2.1384"), "0.0036 at 594"
    assert told.symbols[KEY].open_fees == {}


def test_a_configured_rate_counts(tmp_path: Path) -> None:
    fill = ("report", "fill", 0, 100, 3, "buy", 1, "BNB", Decimal("0.0036"))
    rates = {"rates": {"USDT": "1", "BNB": "594.25"}, "capital": 10**9}
    engine = write(tmp_path, [("target", [(1, 5)], []), fill], reporting=rates)
    agree(tmp_path, engine.said)
    assert run_pnl(str(tmp_path)).report.symbols[KEY].attribution.fees == Decimal("2.1393")
