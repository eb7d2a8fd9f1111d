"""A quote target in decimals, for people."""

from decimal import Decimal

from runtime.replay.explain import explain_side, explain_target
from schemas.quoting import QuoteSide, QuoteStep, QuoteTarget
from tests.kit.messages import instrument

STEP = QuoteStep(name="base_spread", input=10.0, effect_bps=-10.0, config_key="a.b", price_after=9_990.0)
BID = QuoteSide(prices=(9_990, 9_980), sizes=(1_500, 7), steps=(STEP,))
ASK = QuoteSide(prices=(), sizes=(), steps=(STEP,), not_quoting_because="MAX_INVENTORY")
TARGET = QuoteTarget(
    event_time_ns=1_000_000_000,
    venue="sim",
    symbol="SOL/USDT",
    sequence=7,
    valid_until_ns=2_000_000_000,
    mid_half_ticks=20_000,
    model="a model",
    bid=BID,
    ask=ASK,
)
INSTRUMENT = instrument(
    "SOL/USDT", tick_size=Decimal("0.010"), lot_size=Decimal("0.001"), base_currency="SOL", time_ns=1
)


def test_a_target_is_told_in_exact_decimals() -> None:
    told = explain_target(TARGET, INSTRUMENT)
    assert (told["symbol"], told["venue"], told["sequence"], told["model"]) == (
        "SOL/USDT",
        "sim",
        7,
        "a model",
    )
    assert str(told["time"]).startswith("1970-01-01T00:00:01")
    assert Decimal(told["bid"]["price"]) == Decimal("99.90")
    assert Decimal(told["bid"]["size"]) == Decimal("1.5")
    assert told["bid"]["not_quoting_because"] is None


def test_the_steps_of_a_side_that_is_not_quoted_are_told_too() -> None:
    ask = explain_target(TARGET, INSTRUMENT)["ask"]
    assert (ask["price"], ask["size"], ask["not_quoting_because"]) == (None, None, "MAX_INVENTORY")
    (step,) = ask["steps"]
    assert step == {
        "name": "base_spread",
        "input": 10.0,
        "effect_bps": -10.0,
        "config_key": "a.b",
        "price_after": 99.9,
    }


def test_what_the_gate_denied_stands_beside_its_side() -> None:
    explained = explain_target(TARGET, INSTRUMENT, {"sell": ("POS_LIMIT", "EXPOSURE")})
    assert (explained["bid"]["gate"], explained["ask"]["gate"]) == (None, "denied: POS_LIMIT, EXPOSURE")


def test_without_an_instrument_there_are_no_prices() -> None:
    bid = explain_target(TARGET, None)["bid"]
    assert (bid["price"], bid["size"]) == (None, None)


def test_a_price_of_ticks_is_that_decimal() -> None:
    fair = QuoteStep(name="fair_value", input=3.0, effect_bps=0.0, config_key=None, price_after=3.0)
    side = QuoteSide(prices=(3,), sizes=(1,), steps=(fair,))
    tenth = instrument(tick_size=Decimal("0.1"))
    (step,) = explain_side(side, tenth)["steps"]
    assert (step["input"], step["price_after"]) == (0.3, 0.3), "3 * 0.1 is 0.30000000000000004"
