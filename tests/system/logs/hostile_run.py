"""`python -m tests.system.logs.hostile_run LOG SEED SECONDS`: the whole engine against a hostile venue.

Markets move fast, fees come in a currency without a rate, and nothing stops for long, so that much happens in
few seconds.
"""

import sys
from dataclasses import replace
from typing import Any
from unittest.mock import patch

from quote_service.routing.service import definition as router

from maker import engine
from maker.composition import process_definitions
from runtime.process.definition import AdapterContext, ProcessDefinition
from schemas.config import Config
from schemas.topics import ROUTER
from tests.system.logs.hostile_venue import HostileVenue

SYMBOLS = {"SOL/USDT": 150, "LTC/USDT": 80}


def settings(log: str, seed: int) -> dict[str, Any]:
    """The same for a log that is gone on with."""
    market = {"spread_bps": 8, "volatility_bps": 6, "trades_per_s": 3}
    return {
        "feed": {
            "speed": "max",
            "seed": seed,
            "symbols": {name: {"price": price, **market} for name, price in SYMBOLS.items()},
        },
        "engine": {"log_dir": log},
        "market_making": {"base_spread": 0.0004, "requote_threshold_bps": 1},
        "risk_limits": {
            "repeat_fills_same_side": 10_000,
            "repeat_fills_any_side": 10_000,
            "max_loss": -100_000,
        },
        "protection": {"trips_max": 100_000, "freeze_ms": 1},
        "routing": {"unknown_after_ms": 1_000},
    }


def run(log: str, seed: int, seconds: float) -> None:
    """As `maker up`, with the other venue."""

    def make_adapter(context: AdapterContext) -> HostileVenue:
        return HostileVenue(context.config.venue, seed)

    hostile = replace(router, make_adapter=make_adapter, restores_adapter=lambda config: False)

    def definitions() -> tuple[ProcessDefinition, ...]:
        return tuple(hostile if each.name == ROUTER else each for each in process_definitions())

    config = Config.model_validate(settings(log, seed))
    with patch.object(engine, "process_definitions", definitions):
        engine.run_engine(config, engine.RunOptions(for_s=seconds, gateway=False))


if __name__ == "__main__":
    run(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]))
