"""What a release wrote about its configuration is read by the one before it, to which people roll back."""

import json
from typing import Any

import pytest
from pydantic import ValidationError

from schemas.envelope import decode, encode
from schemas.process import ConfigApplied
from tests.kit.messages import config_applied


def payload(**config: Any) -> bytes:
    told = json.loads(encode(config_applied()))
    for section, keys in config.items():
        told["config"][section] = {**told["config"].get(section, {}), **keys}
    return json.dumps(told).encode()


def test_keys_that_a_later_release_has_added_are_left_out() -> None:
    symbols = {"BTC/USDT": {"price": "6", "spread_bps": 1.0, "volatility_bps": 1.0, "hidden_share": 0.5}}
    later = payload(gatehouse={"host": "x"}, risk_limits={"max_moons": 3}, feed={"symbols": symbols})
    found = decode(ConfigApplied, later).config
    assert found.feed.symbols["BTC/USDT"].spread_bps == 1.0
    assert found.risk_limits == config_applied().config.risk_limits
    assert decode(ConfigApplied, payload()) == config_applied()


def test_a_value_that_is_not_understood_is_refused_all_the_same() -> None:
    with pytest.raises(ValidationError, match="max_loss"):
        decode(ConfigApplied, payload(gatehouse={"host": "x"}, risk_limits={"max_loss": "much"}))
