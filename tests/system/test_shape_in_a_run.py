"""Ladders with all that hangs on them, from the configuration to the log, back, and into the account."""

from decimal import Decimal
from pathlib import Path

import pytest
import yaml

from runtime.log.logfile import read_log
from schemas.envelope import decode
from schemas.inventory import Position
from schemas.quoting import QuoteTarget
from tests.system.conftest import Maker

pytestmark = pytest.mark.slow
SHAPE = {
    "levels": 4,
    "level_step_bps": 6,
    "level_size_factor": 1.5,
    "hanging": True,
    "hanging_distance_max_bps": 60,
    "narrow_after_ms": 300,
    "filled_order_delay_ms": 500,
    "size_volatility_bps": 1,
    "loss_budget": 200,
    "band_above": 0.02,
    "band_below": 0.02,
}


@pytest.fixture(scope="module")
def log(maker: Maker, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shape")
    config = folder / "shape.yaml"
    config.write_text(yaml.safe_dump({"shape": SHAPE}))
    done = maker(
        "up", "--config", config, "--speed", "max", "--for", "60", "--no-gateway", "--log", folder / "log"
    )
    assert done.code == 0, done.err
    return folder / "log"


def test_every_target_is_a_ladder_in_order_with_its_bid_below_its_ask(log: Path) -> None:
    depths = set()
    for record in read_log(log):
        if record.topic == "quote.target":
            target = decode(QuoteTarget, record.payload)
            bids, asks = target.bid.prices, target.ask.prices
            assert list(bids) == sorted(set(bids), reverse=True)
            assert list(asks) == sorted(set(asks))
            assert not (bids and asks) or bids[0] < asks[0]
            depths |= {len(bids), len(asks)}
    assert {4, 5} <= depths, "four levels, and one that hangs beside them"


def test_what_was_decided_is_decided_again(log: Path, maker: Maker) -> None:
    done = maker("replay", log, "--json")
    assert done.code == 0, done.out + done.err
    assert done.json["quote-service"]["divergences"] == done.json["order-router"]["divergences"] == 0
    assert done.json["quote-service"]["outputs"] > 100


def test_the_profit_of_the_log_is_what_the_ledger_said(log: Path, maker: Maker) -> None:
    """To the last digit; the ledger's newest word is of the mark at which it was said."""
    said: dict[str, Position] = {}
    for record in read_log(log):
        if record.topic == "inventory.position":
            position = decode(Position, record.payload)
            said[position.key] = position
    assert len(said) >= 2
    done = maker("pnl", log, "--json")
    assert done.code == 0, done.err
    for key, position in said.items():
        told = done.json["symbols"][key]
        lines = {name: Decimal(value) for name, value in told["attribution"].items()}
        assert lines["residual_max"] == 0
        assert (lines["capture"], lines["fees"]) == (position.pnl_capture, position.fees)
        assert told["fills"]["fills"] == position.fills
        mark = Decimal(position.mark_half_ticks or 0) / 2 * Decimal("0.01")
        since = Decimal(told["position"]) * (Decimal(told["mid"]) - mark)
        assert lines["equity_change"] == position.pnl + since
        assert lines["inventory"] == position.pnl_inventory + since


def test_one_symbol_of_a_log_can_be_asked_for(log: Path, maker: Maker) -> None:
    assert list(maker("pnl", log, "--symbol", "LTC/USDT", "--json").json["symbols"]) == ["synthetic:LTC/USDT"]
    refused = maker("pnl", log, "--symbol", "LTC/USD")
    assert refused.code == 2
    assert "holds no symbol LTC/USD; did you mean 'LTC/USDT'?" in refused.err
