"""`maker venue-check`: our adapter survives the suite, and adapters that are broken do not."""

import asyncio
from collections.abc import Iterable
from typing import Any

import pytest
from quote_service.routing.venues.exchange.adapter import ExchangeVenue

from maker.composition import monitor_definition
from sandbox.venue_check.judging import Outcome
from sandbox.venue_check.life import MakeAdapter
from sandbox.venue_check.plans import FaultPlan
from sandbox.venue_check.session import run_session
from schemas.message import Event
from schemas.orders import OrderEvent, VenueOpenOrders, VenueReport

pytestmark = pytest.mark.slow


def check(make_adapter: MakeAdapter, *faults: Any, patience_s: float = 20.0) -> Outcome:
    return asyncio.run(run_session(FaultPlan(1, faults, patience_s), make_adapter, monitor_definition()))


class Forgetful(ExchangeVenue):
    """Says nothing of every third fill."""

    fills = 0

    def poll_due(self, now_ns: int) -> Iterable[Event]:
        for event in super().poll_due(now_ns):
            if isinstance(event, VenueReport) and event.kind == "fill":
                self.fills += 1
                if self.fills % 3 == 0:
                    continue
            yield event


class Hasty(ExchangeVenue):
    """Says that an order has ended as soon as its cancel is asked for, and never cancels it."""

    def on_event(self, event: Event) -> None:
        if isinstance(event, OrderEvent) and event.kind == "cancel_intent":
            ended = VenueReport(
                event_time_ns=self._now_ns(), venue=event.venue, symbol=event.symbol,
                kind="cancelled", client_order_id=event.client_order_id,
            )  # fmt: skip
            self._report(ended)
            return
        super().on_event(event)

    def poll_due(self, now_ns: int) -> Iterable[Event]:
        for event in super().poll_due(now_ns):
            if isinstance(event, VenueOpenOrders):
                yield event.model_copy(update={"own": ()})
            else:
                yield event


class Doubling(ExchangeVenue):
    """Counts fills twice, under another trade's number."""

    def poll_due(self, now_ns: int) -> Iterable[Event]:
        for event in super().poll_due(now_ns):
            yield event
            if isinstance(event, VenueReport) and event.kind == "fill":
                yield event.model_copy(update={"venue_trade_id": f"{event.venue_trade_id}0000"})


def test_our_adapter_holds() -> None:
    outcome = check(ExchangeVenue, "lost_after", "drop_fills", "kick_user_stream")
    assert outcome.wrong == []
    assert outcome.orders > 10
    assert outcome.fills > 1
    assert set(outcome.fired) == {"lost_after", "drop_fills", "kick_user_stream"}


@pytest.mark.parametrize(
    ("broken", "said"),
    [(Forgetful, "was lost"), (Hasty, "alive after the confirmed"), (Doubling, "is none")],
)
def test_a_broken_adapter_is_found_out(broken: MakeAdapter, said: str) -> None:
    assert any(said in text for text in check(broken, patience_s=2.0).wrong)


@pytest.mark.timed
def test_the_command_prints_a_table_and_what_was_found(maker: Any) -> None:
    done = maker("venue-check", "--fault", "busy", "--fault", "late_reply", "--sessions", "2", "--seed", "5")
    assert done.code == 0, done.out + done.err
    assert "late_reply" in done.out
    assert "4 sessions" in done.out
    assert "0 lost, 0 doubled, 0 invented, 0 alive after confirmed, 0 position differences" in done.out
    assert "0 sessions with anything wrong" in done.out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--fault", "lost_befor"), "no fault is called 'lost_befor'; did you mean 'lost_before'?"),
        (("--adapter", "nobody:here"), "is no module:function"),
    ],
)
def test_what_cannot_be_checked_is_said(arguments: tuple[str, ...], said: str, maker: Any) -> None:
    done = maker("venue-check", *arguments)
    assert done.code == 2
    assert said in " ".join(done.err.split())
