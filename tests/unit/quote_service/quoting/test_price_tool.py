"""`maker price`: a state that a person writes down, quoted by the core that quotes live."""

from typing import Any

import pytest
from quote_service.quoting.explain.price import explain_state

from schemas.config import Config


def state(**changes: Any) -> dict[str, Any]:
    """Mid 100 with a tick of 0.01, 20 base units on each side, calm, flat."""
    return {
        "symbol": "SOL/USDT",
        "tick_size": "0.01",
        "lot_size": "0.001",
        "bids": [["99.99", "20"]],
        "asks": [["100.01", "20"]],
        "volatility_bps": 0,
        **changes,
    }


def explained(settings: dict[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
    return explain_state(state(**changes), Config.model_validate(settings or {}))


def quoted(answer: dict[str, Any]) -> tuple[str | None, str | None, str | None, str | None]:
    bid, ask = answer["bid"], answer["ask"]
    return bid["price"], bid["size"], ask["price"], ask["size"]


def test_a_calm_state_is_quoted_in_human_units() -> None:
    """20 bps of 100 are 0.20, half to each side; a tenth of a level of 20 is 2."""
    answer = explained()
    assert quoted(answer) == ("99.90", "2.000", "100.10", "2.000")
    assert (answer["symbol"], answer["model"]) == ("SOL/USDT", "vol_multiple")
    assert (answer["time"], answer["causes"]) == (None, [])
    assert [step["name"] for step in answer["bid"]["steps"]][::10] == ["fair_value", "tick_rounding"]
    assert answer["bid"]["steps"][0]["price_after"] == pytest.approx(100.0)
    assert answer["bid"]["steps"][-1]["price_after"] == pytest.approx(99.9)


@pytest.mark.case("SD1")
def test_full_inventory_leans_by_five_basis_points_and_stops_the_growing_side() -> None:
    answer = explained(inventory="100")
    assert quoted(answer) == (None, None, "100.05", "2.000")
    assert answer["bid"]["not_quoting_because"] == "MAX_INVENTORY"
    lean = next(step for step in answer["ask"]["steps"] if step["name"] == "inventory_lean")
    assert lean["effect_bps"] == pytest.approx(-5)


def test_the_bias_counts_from_the_target_inventory() -> None:
    at_target = explained({"inventory": {"target_inventory": 40}}, inventory="40")
    assert quoted(at_target) == quoted(explained())


def test_the_bias_follows_the_tighter_limit() -> None:
    """A limit of 50,000 at a price of 100 and two reporting units a quote unit is 250: 100 units bind;
    a limit of 2,000 is 10 units, so 5 are half: 2.5 bps."""
    settings = {"inventory": {"max_inventory_notional": 2_000}}
    answer = explained(settings, inventory="5", reporting_rate="2")
    lean = next(step for step in answer["ask"]["steps"] if step["name"] == "inventory_lean")
    assert lean["input"] == pytest.approx(0.5)
    assert lean["effect_bps"] == pytest.approx(-2.5)


def test_imbalance_comes_from_the_levels_that_are_counted() -> None:
    """30 against 10 is 0.5; the level beyond `depth_levels` does not count."""
    settings = {"market_data": {"depth_levels": 1}}
    answer = explained(settings, bids=[["99.99", "30"]], asks=[["100.01", "10"], ["100.02", "500"]])
    pressure = next(step for step in answer["bid"]["steps"] if step["name"] == "pressure")
    assert pressure["input"] == pytest.approx(0.5)


def test_flow_in_base_units_is_compared_with_depth() -> None:
    def widening(volume: float) -> float:
        steps = explained(flow_imbalance=1.0, flow_volume=volume)["bid"]["steps"]
        return float(next(step["input"] for step in steps if step["name"] == "emergency_widen"))

    assert (widening(19.9), widening(20.0)) == (0.0, 1.0)


def test_volatility_widens() -> None:
    """10 bps: 100 x 2 x 0.001 / 2 = 0.10 more to each side."""
    assert quoted(explained(volatility_bps=10))[::2] == ("99.80", "100.20")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"risk_state": "HALT"}, "RISK_HALT: BY_HAND"),
        ({"risk_state": "REDUCE_ONLY"}, "RISK_REDUCE_ONLY"),
        ({"bids": []}, "BOOK_ONE_SIDED"),
        ({"asks": []}, "BOOK_ONE_SIDED"),
        ({"bids": [], "asks": []}, "BOOK_ONE_SIDED"),
        ({"bids": [["100.01", "1"]]}, "BOOK_LOCKED"),
        ({"bids": [["100.02", "1"]]}, "BOOK_CROSSED"),
        ({"min_notional": "1000000"}, "BELOW_MIN_NOTIONAL"),
    ],
)
def test_a_state_that_is_not_quoted_says_why(changes: dict[str, Any], reason: str) -> None:
    answer = explained(**changes)
    assert quoted(answer) == (None, None, None, None)
    for side in ("bid", "ask"):
        assert answer[side]["not_quoting_because"].startswith(reason)


def test_reduce_only_sells_what_is_held() -> None:
    answer = explained(risk_state="REDUCE_ONLY", inventory="0.7")
    assert quoted(answer)[:2] == (None, None)
    assert quoted(answer)[3] == "0.700"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"tick_size": "0"}, "tick_size"),
        ({"lot_size": "-1"}, "lot_size"),
        ({"volatility_bps": float("nan")}, "volatility_bps"),
        ({"flow_imbalance": 1.5}, "flow_imbalance"),
        ({"regime": "wild"}, "regime"),
        ({"bids": [["99.98", "1"], ["99.99", "1"]]}, "bids"),
        ({"asks": [["100.01", "1"], ["100.01", "1"]]}, "asks"),
        ({"bids": [["99.99", "0"]]}, "bids"),
        ({"inventry": "1"}, "inventry"),
    ],
)
def test_a_bad_state_is_refused_by_the_name_of_its_field(changes: dict[str, Any], field: str) -> None:
    with pytest.raises(ValueError, match=field):
        explained(**changes)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"bids": [["99.995", "20"]]}, "99.995 is not a multiple of 0.01"),
        ({"asks": [["100.01", "0.0005"]]}, "0.0005 is not a multiple of 0.001"),
        ({"inventory": "0.0005"}, "0.0005 is not a multiple of 0.001"),
    ],
)
def test_a_value_between_ticks_or_lots_is_refused_with_its_unit(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        explained(**changes)


def test_a_missing_field_is_named() -> None:
    values = state()
    del values["tick_size"]
    with pytest.raises(ValueError, match="tick_size"):
        explain_state(values, Config())


def test_limits_in_money_are_never_taken_one_to_one() -> None:
    """The rate of the quote currency is the configuration's, or has to be given."""
    settings = {"inventory": {"max_inventory_notional": 2_000}, "reporting": {"rates": {"EUR": "2"}}}
    said = explained(settings, inventory="5", symbol="BTC/EUR")
    given = explained({"inventory": {"max_inventory_notional": 2_000}}, inventory="5", reporting_rate="2")
    assert quoted(said) == quoted(given)
    with pytest.raises(ValueError, match=r"reporting_rate: give it, reporting\.rates has none for JPY"):
        explained(settings, symbol="BTC/JPY")


def test_every_mistake_in_a_state_is_named_with_its_value_and_the_nearest_field() -> None:
    with pytest.raises(ValueError, match="symbol: missing: give it") as raised:
        explain_state({"volatility_bsp": 3, "tick_size": "x"}, Config())
    assert "volatility_bsp: unknown key; did you mean 'volatility_bps'? (it is 3)" in str(raised.value)
    assert "(it is 'x')" in str(raised.value)
