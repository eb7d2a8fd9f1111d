"""A market whose tick is 80 bps, with a collar of two and a half: quotes stand, and none comes and goes."""

from pathlib import Path

import pytest
import yaml

from runtime.log.logfile import read_log
from schemas.envelope import decode
from schemas.orders import OrderEvent
from tests.system.conftest import Maker

pytestmark = pytest.mark.slow
CONFIG = {
    "feed": {"symbols": {"DOG/USDT": {"price": 0.0125, "spread_bps": 160, "volatility_bps": 2}}},
    "instruments": {
        "DOG/USDT": {"venue": "synthetic", "tick_size": 0.0001, "lot_size": 1, "min_notional": 10}
    },
    "market_making": {"base_spread": 0.02, "volatility_multiplier": 1.0},
    "risk_limits": {"max_position": 800_000, "max_position_notional": 10_000},
    "inventory": {"max_inventory": 400_000, "max_inventory_notional": 5_000},
}


def test_quotes_stand_and_none_is_placed_to_be_cancelled(tmp_path: Path, maker: Maker) -> None:
    """The volatility of this market asks for 1.9 to 2.2 ticks: rounded outward, 3 would often be refused."""
    config, log = tmp_path / "config.yaml", tmp_path / "log"
    config.write_text(yaml.safe_dump(CONFIG))
    run = ("--speed", "max", "--for", "180", "--seed", "7", "--no-gateway", "--json", "--config", config)
    done = maker("up", *run, "--log", log)
    assert done.code == 0, done.err
    summary = done.json["symbols"]["DOG/USDT"]
    assert summary["denials"] == 0
    assert summary["quoting_share"] > 0.9
    events = [decode(OrderEvent, record.payload) for record in read_log(log) if record.topic == "order.event"]
    cancelled = [reason for each in events if each.kind == "cancel_intent" for reason in each.reasons]
    assert [each for each in cancelled if each.startswith("PRICE_COLLAR")] == []
    assert maker("replay", log, "--json").json["first_divergence"] is None
