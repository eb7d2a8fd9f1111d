"""Five symbols, each quoted by a model of its own, from the configuration to the log and back."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from runtime.log.logfile import read_log
from schemas.envelope import decode
from schemas.quoting import QuoteTarget
from tests.system.conftest import Maker

MODELS: dict[str, dict[str, Any]] = {
    "BTC/USDT": {"name": "glft"},
    "ETH/USDT": {"name": "glft_exact", "horizon_s": 600},
    "SOL/USDT": {"name": "cartea_jaimungal"},
    "AAVE/USDT": {"name": "avellaneda_stoikov", "gamma": 0.0001, "session_close_utc": "01:00"},
}
ARRIVAL = {"arrival_rate_per_s": 1.0, "arrival_decay_per_bps": 0.1}


@pytest.fixture(scope="module")
def log(maker: Maker, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    own = {symbol: {"model": model | ARRIVAL} for symbol, model in MODELS.items()}
    config = folder / "models.yaml"
    config.write_text(yaml.safe_dump({"per_symbol": own}))
    done = maker(
        "up", "--config", config, "--speed", "max", "--for", "40", "--no-gateway", "--log", folder / "log"
    )
    assert done.code == 0, done.err
    return folder / "log"


def test_each_symbol_is_quoted_on_both_sides_by_its_model(log: Path) -> None:
    newest = {}
    for record in read_log(log):
        if record.topic == "quote.target":
            target = decode(QuoteTarget, record.payload)
            if target.bid.prices and target.ask.prices:
                newest[target.symbol] = target
    assert {symbol: target.model for symbol, target in newest.items() if symbol in MODELS} == {
        symbol: model["name"] for symbol, model in MODELS.items()
    }
    others = [target for symbol, target in newest.items() if symbol not in MODELS]
    assert others
    assert all(target.model == "vol_multiple" and target.model_because is None for target in others)


def test_what_the_models_decided_is_decided_again(log: Path, maker: Maker) -> None:
    done = maker("replay", log, "--process", "quote-service", "--json")
    assert done.code == 0, done.out + done.err
    assert done.json["quote-service"]["divergences"] == 0
    assert done.json["quote-service"]["outputs"] > 100
