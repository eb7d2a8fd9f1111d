"""A model of arrival whose fills cost more than 1/k is named before a start."""

from typing import Any

import pytest

from maker.thin_edge import thin_edges
from schemas.config import Config

INSTRUMENT = {"tick_size": "0.01", "lot_size": "0.001", "maker_fee_bps": "2"}


def said(model: dict[str, Any], **sections: Any) -> list[str]:
    instruments = {"A/USDT": INSTRUMENT, "B/USDT": {**INSTRUMENT, "maker_fee_bps": "0.5"}}
    feed = {"kind": "recorded", "paths": ["none"]}
    tree = {"model": model, "instruments": instruments, "feed": feed, **sections}
    return list(thin_edges(Config.model_validate(tree)))


def glft(decay_per_bps: float, **more: Any) -> dict[str, Any]:
    return {"name": "glft", "arrival_rate_per_s": 1.0, "arrival_decay_per_bps": decay_per_bps, **more}


def test_the_symbol_whose_fee_is_more_than_1_over_k_is_named() -> None:
    """1/k of 1 bp is less than a fee of 2, and more than one of 0.5."""
    (line,) = said(glft(1.0))
    assert line.startswith("A/USDT: glft has 1/k of 1 bps, less than fee and impact of 2 bps")


def test_the_impact_counts() -> None:
    assert [line[:6] for line in said(glft(1.0, impact_bps=0.6))] == ["A/USDT", "B/USDT"]


@pytest.mark.parametrize("model", [{"name": "vol_multiple"}, {"name": "glft"}, glft(0.5)])
def test_nothing_is_said_where_it_pays_or_is_not_known(model: dict[str, Any]) -> None:
    assert said(model) == []


def test_a_symbols_own_model_counts() -> None:
    (line,) = said({}, per_symbol={"B/USDT": {"model": glft(4.0)}})
    assert line.startswith("B/USDT: glft has 1/k of 0.25 bps")
