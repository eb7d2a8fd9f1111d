"""A commission in a third currency was booked one to one: 0.0036 for 2.14.

What happened: the exchange took its fees in BNB. For BNB the configuration had no rate, and 0.0036 BNB
were booked as 0.0036 USDT. Profit, and the limits that read it, were too good by the rest.

What was wrong: a currency without a rate counted as worth one.

What holds it now: the rate comes from the exchange's own market of the currency, also where that is not
traded here; without one the fee stays open in its own currency, an alert says so, and limits count a
reserve for it.
"""

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from sandbox.fees import Commission
from schemas.config import Config
from tests.servers.local import until
from tests.servers.sandbox import RICH, SandboxServer
from tests.system.conftest import Maker
from tests.system.sandbox.session import Session, running

pytestmark = pytest.mark.slow
BNB = "BNB/USDT"
ALERT = "FEE_WITHOUT_RATE"
BALANCES = {**RICH, "BNB": Decimal(100)}


def with_bnb() -> Config:
    """An exchange that has a market of BNB, which the engine does not trade."""
    config = Config()
    market = {"price": "600", "spread_bps": 4, "volatility_bps": 0.5}
    contract = {"venue": "synthetic", "tick_size": "0.01", "lot_size": "0.001"}
    markets = {name: each.model_dump() for name, each in config.feed.symbols.items()}
    contracts = {name: each.model_dump() for name, each in config.instruments.items()}
    return Config.model_validate(
        {"feed": {"symbols": {**markets, BNB: market}}, "instruments": {**contracts, BNB: contract}}
    )


def trade(session: Session, sandbox: SandboxServer, is_done: Callable[[], bool]) -> None:
    """A taker meets one order; the fill is booked, its fee is where it belongs, and the session ends."""
    until(lambda: any(o["status"] == "NEW" for o in sandbox.truth["orders"]), "something is quoted")
    order = next(o for o in sandbox.truth["orders"] if o["status"] == "NEW")
    sandbox.fill(order, order["size_lots"])
    until(is_done, "the fee is where it belongs")
    assert session.process.stop() == 0


def newest(session: Session) -> dict[str, dict[str, Any]]:
    """What inventory-service said last of each symbol."""
    return {each["symbol"]: each for each in session.events("inventory.position.v1")}


def commissions(session: Session) -> dict[str, list[Decimal]]:
    """By symbol, in BNB."""
    found: dict[str, list[Decimal]] = {}
    for fill in session.events("order.fill.v1"):
        if fill["fee_currency"] == "BNB":
            found.setdefault(fill["symbol"], []).append(Decimal(fill["fee"]))
    return found


def test_the_rate_is_asked_of_the_exchanges_own_market(tmp_path: Path, maker: Maker) -> None:
    sandbox = SandboxServer(with_bnb(), BALANCES, commission=Commission())
    try:
        with running(tmp_path, sandbox) as session:
            until(lambda: bool(session.events("market.rate.v1")), "the rate is known")
            trade(session, sandbox, lambda: any(Decimal(p["fees"]) for p in newest(session).values()))
            (rate,) = session.events("market.rate.v1")
            assert (rate["symbol"], 500 < Decimal(rate["rate"]) < 700) == (BNB, True)
            charged = commissions(session)
            assert charged
            told = maker("pnl", session.log, "--json").json["symbols"]
            for symbol, fees in charged.items():
                booked = newest(session)[symbol]
                assert Decimal(booked["fees"]) == sum(fees) * Decimal(rate["rate"])
                assert booked["open_fees"] == []
                assert Decimal(told[f"binance:{symbol}"]["attribution"]["fees"]) == Decimal(booked["fees"])
            assert BNB not in {o["symbol"] for o in session.events("order.event.v1")}, "it is not traded"
        assert maker("replay", session.log).code == 0
    finally:
        sandbox.stop()


def test_without_any_market_of_it_a_fee_stays_open_and_a_person_is_told(tmp_path: Path, maker: Maker) -> None:
    sandbox = SandboxServer(balances=BALANCES, commission=Commission())
    try:
        with running(tmp_path, sandbox) as session:
            trade(session, sandbox, lambda: any(p["open_fees"] for p in newest(session).values()))
            charged = commissions(session)
            assert charged
            told = maker("pnl", session.log)
            for symbol, fees in charged.items():
                position = newest(session)[symbol]
                assert position["open_fees"] == [{"currency": "BNB", "amount": str(sum(fees))}]
                assert Decimal(position["open_fees_reserve"]) > sum(fees) * 600, "more than it will come to"
                assert f"binance:{symbol}: fees of {sum(fees)} BNB have no rate" in told.err
            alerts = {each["symbol"] for each in session.events("risk.alert.v1") if each["name"] == ALERT}
            assert alerts == set(charged)
            assert "have no rate and are not included in the PnL" in session.process.text()
        assert maker("replay", session.log).code == 0
    finally:
        sandbox.stop()
