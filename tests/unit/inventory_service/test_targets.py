"""What inventory is wanted: in base units or money, of all symbols or of one."""

from decimal import Decimal
from typing import Any

import pytest
from pydantic import ValidationError

from schemas.config import Config
from schemas.control import SettingChange
from schemas.inventory import Position
from schemas.message import Side
from schemas.orders import AccountBalance
from schemas.process import SettingApplied
from tests.kit.messages import ETH, T0, fill, instrument, signal, tick
from tests.unit.inventory_service.ledgers import core, position

WIDE = {"max_inventory": "100", "max_inventory_notional": "1e12", "rebalance_threshold": "1"}


def refused(**sections: Any) -> str:
    with pytest.raises(ValidationError) as error:
        Config.model_validate(sections)
    return str(error.value)


def test_a_target_in_money_moves_with_the_mark() -> None:
    """1,000 are 10 units at 100, and 8 at 125; a lot is half a unit, and one USDT two of the currency."""
    of = instrument(lot_size=Decimal("0.5"), reporting_rate=Decimal(2))
    made = core(of, inventory={**WIDE, "target_notional": "2000"})
    said = position(made, fill("a", "buy", 100, 30))
    assert (said.bias, said.rebalance_action, said.rebalance_size_lots) == (0.05, "sell", 10)
    made.on_event(signal(250))
    said = position(made, tick(1))
    assert (said.bias, said.rebalance_size_lots) == (0.07, 14)


def test_a_target_below_zero_is_a_short_one() -> None:
    made = core(inventory={**WIDE, "target_notional": "-1000"})
    assert position(made, fill("a", "buy", 100, 30)).bias == 0.4


def test_a_symbol_has_a_target_and_limits_of_its_own() -> None:
    own = {ETH: {"inventory": {"target_inventory": 20, "max_inventory": 50}}}
    made = core(instrument(), instrument(ETH), inventory=WIDE, per_symbol=own)
    assert position(made, fill("a", "buy", 100, 30)).bias == 0.3
    assert position(made, fill("a", "buy", 100, 30, symbol=ETH)).bias == 0.2


def test_a_live_change_leaves_what_a_symbol_has_of_its_own() -> None:
    own = {ETH: {"inventory": {"target_inventory": 20}}}
    made = core(instrument(), instrument(ETH), inventory=WIDE, per_symbol=own)
    for symbol in ("BTC/USDT", ETH):
        made.on_event(fill("a", "buy", 100, 30, symbol=symbol))
    applied, *said = made.on_event(change("inventory.target_inventory", "10"))
    assert isinstance(applied, SettingApplied)
    assert [each.bias for each in said if isinstance(each, Position)] == [0.2, 0.1]


def change(key: str, value: str) -> SettingChange:
    return SettingChange(
        event_time_ns=T0,
        venue="*",
        symbol="*",
        change_id=f"{key} {value}",
        setting_key=key,
        value=value,
        requester="ann",
    )


def test_a_second_target_is_refused_also_live() -> None:
    text = (
        "target_inventory 5 and target_notional 1000 are several targets: keep one, and leave the others out "
        "(null; target_inventory: 0)"
    )
    assert text in refused(inventory={"target_inventory": 5, "target_notional": 1000})
    per_symbol = {ETH: {"inventory": {"target_notional": 1000}}}
    assert f"per_symbol.{ETH}.inventory" in refused(inventory={"target_inventory": 5}, per_symbol=per_symbol)
    made = core(inventory={**WIDE, "target_notional": "1000"})
    (applied,) = (
        each
        for each in made.on_event(change("inventory.target_inventory", "5"))
        if isinstance(each, SettingApplied)
    )
    assert "several targets" in (applied.refused_because or "")


def test_what_a_symbol_cannot_have_of_its_own_is_refused() -> None:
    for name, value in (("opening", "venue"), ("reserved", {"USDT": 1}), ("markout_half_life_s", 5)):
        text = f"inventory.{name} is one for all symbols: say it under inventory"
        assert text in refused(per_symbol={ETH: {"inventory": {name: value}}})
    text = "inventory: unknown key 'target_invetory'; did you mean 'target_inventory'?"
    assert text in refused(per_symbol={ETH: {"inventory": {"target_invetory": 1}}})


def test_quoting_reads_a_symbols_own_maximum() -> None:
    """The size of an order and the side that is no longer quoted follow from it."""
    own = {ETH: {"inventory": {"max_inventory": 7}}}
    config = Config.model_validate({"per_symbol": own})
    assert config.of_symbol(ETH).inventory.max_inventory == 7
    assert config.of_symbol("BTC/USDT").inventory.max_inventory == 100


EXCHANGE: dict[str, Any] = {
    "venue": {"kind": "ccxt"},
    "feed": {"kind": "live"},
    "exchange": {"url": "http://127.0.0.1:9", "symbols": ["BTC/USDT"]},
}


def balance(total: str) -> AccountBalance:
    return AccountBalance(
        event_time_ns=T0, venue="sim", symbol="BTC/USDT", currency="USDT", total=Decimal(total)
    )


def test_a_share_of_the_account_is_of_both_currencies_at_the_mark() -> None:
    """20 units at 100 and 3,000 beside them are 5,000: half of it are 25 units."""
    made = core(inventory={**WIDE, "target_share": "0.5"}, **EXCHANGE)
    assert position(made, fill("a", "buy", 100, 20)).bias == 0, "what is held, until balances are known"
    said = position(made, balance("3000"))
    assert (said.bias, said.rebalance_action, said.rebalance_size_lots) == (-0.05, "buy", 5)
    made.on_event(signal(250))  # 2,500 and 3,000: half are 22 units at 125
    said = position(made, tick(1))
    assert (said.bias, said.rebalance_size_lots) == (-0.02, 2)


@pytest.mark.parametrize("place", ["inventory", "per_symbol"])
def test_a_share_needs_an_account(place: str) -> None:
    own = {"target_share": "0.5"}
    sections = {"inventory": own} if place == "inventory" else {"per_symbol": {ETH: {"inventory": own}}}
    assert "inventory.target_share 0.5 needs an account, but venue.kind is simulated" in refused(**sections)


def test_a_derivative_has_no_pair_to_share() -> None:
    at = EXCHANGE | {"exchange": {"url": "http://127.0.0.1:9", "symbols": ["BTC/USDT:USDT"]}}
    assert "BTC/USDT:USDT is a derivative" in refused(inventory={"target_share": "0.5"}, **at)


def test_a_share_is_of_the_whole() -> None:
    assert "less than or equal to 1" in refused(inventory={"target_share": "1.5"}, **EXCHANGE)


@pytest.mark.parametrize(("held", "urgency"), [(4, 0.0), (5, 0.0), (6, 1.0)])
@pytest.mark.parametrize("side", ["buy", "sell"])
def test_a_threshold_beyond_the_maximum_is_the_maximum(held: int, urgency: float, side: Side) -> None:
    """A maximum that was lowered below the threshold does not end the balancing."""
    made = core(inventory={**WIDE, "max_inventory": "5", "rebalance_threshold": "10"})
    said = position(made, fill("a", side, 100, held))
    assert said.rebalance_urgency == urgency
    assert said.rebalance_action == ("none" if not urgency else "sell" if side == "buy" else "buy")
