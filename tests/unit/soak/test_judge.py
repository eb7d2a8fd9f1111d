"""The judge of a soak finds what is wrong, and only that."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from tests.soak.judge import Judge
from tests.soak.replays import Proof

KEY = "soak:S00/USDT"
Record = dict[str, Any]


class Story:
    """Records as a log has them, numbered."""

    def __init__(self) -> None:
        self.records: list[Record] = []
        self._numbers: dict[str, int] = {}

    def say(self, producer: str, type_name: str, /, **message: Any) -> None:
        topic = type_name.removesuffix(".v1")
        message.setdefault("event_time_ns", len(self.records) + 1)
        self.records.append(
            {
                "topic": topic,
                "offset": self._next(topic) - 1,
                "producer": producer,
                "sequence": self._next(producer),
                "type": type_name,
                "key": KEY,
                "event_time_ns": message["event_time_ns"],
                "message": message,
            }
        )

    def _next(self, name: str) -> int:
        self._numbers[name] = self._numbers.get(name, 0) + 1
        return self._numbers[name]


def traded() -> Story:
    """An order of ours is accepted, filled and booked: 2 of 100.00, at 1 bp."""
    story = Story()
    terms = {"tick_size": "0.01", "lot_size": "1", "multiplier": "1", "maker_fee_bps": "1.0", "version": 1}
    story.say("monitor-service", "market.instrument.v1", **terms)
    order = {"client_order_id": "mm-1", "side": "buy", "price_ticks": 10_000, "size_lots": 2}
    story.say("order-router", "order.event.v1", kind="place_intent", **order)
    story.say("order-router/adapter", "venue.report.v1", kind="accepted", venue_trade_id=None, **order)
    story.say("order-router/adapter", "venue.report.v1", kind="fill", venue_trade_id="t-1", **order)
    fill = {"venue_trade_id": "t-1", "instrument_version": 1, "liquidity": "maker", "fee": "0.02"}
    story.say("order-router", "order.fill.v1", **fill, base_fee="0", **order)
    story.say("inventory-service", "inventory.position.v1", **position())
    return story


def position(**changed: Any) -> Record:
    return {
        "instrument_version": 1,
        "position_lots": 2,
        "mark_half_ticks": 20_100,
        "realised": "0",
        "unrealised": "1.00",
        "fees": "0.02",
        "pnl": "0.98",
        "pnl_capture": "1.00",
        "pnl_inventory": "0",
        "traded_notional": "200.00",
        "fills": 1,
        "base_fees_taken": "0",
        **changed,
    }


def judged(story: Story) -> list[str]:
    judge = Judge()
    judge.hear(story.records)
    judge.at_the_end()
    return judge.violations


def test_what_is_right_is_left_alone() -> None:
    assert judged(traded()) == []


def book_twice(story: Story) -> None:
    fill = next(record for record in story.records if record["type"] == "order.fill.v1")
    story.say("order-router", "order.fill.v1", **fill["message"])


def lose_a_record(story: Story) -> None:
    del story.records[2]


def forget_a_lot(story: Story) -> None:
    story.say("inventory-service", "inventory.position.v1", **position(position_lots=1))


def charge_too_much(story: Story) -> None:
    story.say("inventory-service", "inventory.position.v1", **position(fees="0.03", pnl="0.97"))


def gain_from_nothing(story: Story) -> None:
    wrong = position(unrealised="1.01", pnl="0.99", pnl_capture="1.01")
    story.say("inventory-service", "inventory.position.v1", **wrong)


def leave_an_order(story: Story) -> None:
    order = {"client_order_id": "mm-2", "side": "buy", "price_ticks": 10_000, "size_lots": 2}
    story.say("order-router/adapter", "venue.report.v1", kind="accepted", venue_trade_id=None, **order)


def fill_what_nobody_books(story: Story) -> None:
    order = {"client_order_id": "mm-1", "side": "buy", "price_ticks": 10_000, "size_lots": 1}
    story.say("order-router/adapter", "venue.report.v1", kind="fill", venue_trade_id="t-2", **order)


def quote_under_a_halt(story: Story) -> None:
    story.say("risk-service", "risk.state.v1", state="HALT", latched=True, reasons=["a person"])
    order = {"client_order_id": "mm-3", "side": "buy", "price_ticks": 10_000, "size_lots": 2}
    story.say("order-router", "order.event.v1", kind="place_intent", **order)


def forget_a_halt(story: Story) -> None:
    story.say("risk-service", "risk.state.v1", state="HALT", latched=True, reasons=["a person"])
    story.say("risk-service", "risk.state.v1", state="RUN", latched=False, reasons=[])


def forget_a_setting(story: Story) -> None:
    key = "market_making.base_spread"
    story.say("quote-service", "process.setting.v1", setting_key=key, value="0.0031")
    begun = {"live_settings": [], "session_began_ns": 7}
    story.say("quote-service", "process.config.v1", **begun, config={"market_making": {"base_spread": 0.002}})


@pytest.mark.parametrize(
    ("goes_wrong", "said"),
    [
        (book_twice, "trade t-1 is booked twice"),
        (lose_a_record, "number 2 comes after 0"),
        (forget_a_lot, "by its fills 2 lots, the newest position says 1"),
        (charge_too_much, "its fills cost 0.02, the newest position says 0.03"),
        (gain_from_nothing, "cash, fees and worth make 0.98"),
        (leave_an_order, "alive at the venue after an end in order: ['mm-2']"),
        (fill_what_nobody_books, "the venue's trades and ours differ in ['t-2']"),
        (quote_under_a_halt, "mm-3: place_intent under the halt"),
        (forget_a_halt, "RUN although nobody ended the halt: a person"),
        (forget_a_setting, "base_spread was changed live to 0.0031, and this start has 0.002"),
    ],
)
def test_what_is_wrong_is_named(goes_wrong: Callable[[Story], None], said: str) -> None:
    story = traded()
    goes_wrong(story)
    found = judged(story)
    assert any(said in violation for violation in found), found


def test_a_halt_that_a_person_ends_is_over() -> None:
    story = traded()
    story.say("risk-service", "risk.state.v1", state="HALT", latched=True, reasons=["a person"])
    story.say("gateway-api", "control.command.v1", action="resume", symbol="S00/USDT")
    story.say("risk-service", "risk.state.v1", state="RUN", latched=False, reasons=[])
    assert judged(story) == []


@pytest.mark.parametrize(("shown", "said"), [("2", []), ("1", ["1"]), (None, ["0"])])
def test_what_the_command_shows_is_the_sum_of_the_fills(shown: str | None, said: list[str]) -> None:
    """Also where it shows nothing."""
    judge = Judge()
    judge.hear(traded().records)
    (key,) = judge.ledgers
    judge.shown({} if shown is None else {key: Decimal(shown)})
    assert judge.violations == [
        f"{key}: `maker positions show` says {size}, the fills make 2" for size in said
    ]


@pytest.mark.parametrize(
    ("proof", "holds"),
    [
        (Proof(outputs=5), True),
        (Proof(outputs=0), False),
        (Proof(outputs=5, divergences=1), False),
        (Proof(code=2, outputs=5), False),
    ],
)
def test_a_replay_that_compared_nothing_proves_nothing(proof: Proof, holds: bool) -> None:
    assert proof.holds == holds
