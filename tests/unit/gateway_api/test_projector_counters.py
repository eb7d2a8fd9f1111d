"""What the projector counts and measures of a symbol: presence, spread, fill ratio, inventory."""

import pytest
from gateway_api.projector.core.integral import TimeIntegral
from gateway_api.projector.core.views import ProjectorCore

from schemas.market import Refusal
from schemas.units import NS_PER_S
from tests.unit.gateway_api.conftest import Messages
from tests.unit.gateway_api.folded import feed, view


def test_counters_count_what_they_say(core: ProjectorCore, btc: Messages) -> None:
    feed(
        core,
        btc.instrument(),
        btc.book(1),
        btc.book(2),
        btc.trade(2),
        btc.target(2),
        btc.target(3, bid=None),
        btc.target(4, bid=None, ask=None),
        btc.order(4, "place_intent", "pending_new", "buy", 9_990),
        btc.accepted(4, "buy", 9_990),
        btc.order(5, "amend_intent", "pending_amend", "buy", 9_991),
        btc.order(5, "amend_rejected", "live", "buy", 9_990),
        btc.order(6, "cancel_intent", "pending_cancel", "buy", 9_990),
        btc.order(6, "cancelled", "cancelled", "buy", 9_990),
        btc.order(7, "place_intent", "pending_new", "sell", 10_010),
        btc.order(7, "rejected", "rejected", "sell", 10_010),
        btc.order(8, "denied", "denied", "sell", 10_010),
        btc.fill(9),
        Refusal(**btc.at(9), reason="old_sequence", detail="sequence 4 after 5"),
    )

    counters = view(core).counters

    assert counters.model_dump(
        include={
            "books",
            "trades",
            "quotes",
            "orders",
            "amends",
            "cancels",
            "rejects",
            "denials",
            "fills",
            "refused_events",
        }
    ) == {
        "books": 2,
        "trades": 1,
        "quotes": 2,
        "orders": 1,
        "amends": 0,
        "cancels": 1,
        "rejects": 2,
        "denials": 1,
        "fills": 1,
        "refused_events": 1,
    }
    assert counters.time_ns == 8 * NS_PER_S


@pytest.mark.case("PN3")
def test_two_sided_presence_and_mean_spread(core: ProjectorCore, btc: Messages) -> None:
    """Both sides 4 s at 100.00/100.02, bid alone 2 s, both 3 s at 99.99/100.02, none 1 s.

    Presence 0.7; the own spread in bps of its middle is time-weighted over the 7 s.
    """
    feed(
        core,
        btc.book(0),
        btc.accepted(0, "buy", 10_000),
        btc.accepted(0, "sell", 10_002),
        btc.order(4, "cancelled", "cancelled", "sell", 10_002),
        btc.order(6, "amended", "live", "buy", 9_999),
        btc.accepted(6, "sell", 10_002),
        btc.order(9, "cancelled", "cancelled", "sell", 10_002),
        btc.order(9, "cancelled", "cancelled", "buy", 9_999),
        btc.book(10),
    )

    counters = view(core).counters

    assert counters.two_sided_ns == 7 * NS_PER_S
    assert counters.two_sided_ns / counters.time_ns == pytest.approx(0.7)
    expected_bps = (4 * 2 / 10_001 + 3 * 3 / 10_000.5) / 7 * 10_000
    assert counters.spread_bps_ns / counters.two_sided_ns == pytest.approx(expected_bps, rel=1e-12)


def test_time_goes_on_with_any_event_while_both_sides_stand(core: ProjectorCore, btc: Messages) -> None:
    feed(core, btc.book(0), btc.accepted(1, "buy", 9_990), btc.accepted(3, "sell", 10_010), btc.trade(5.5))

    assert view(core).counters.two_sided_ns == 2.5 * NS_PER_S


def test_an_order_counts_from_acknowledgement_and_while_an_amend_or_cancel_is_under_way(
    core: ProjectorCore, btc: Messages
) -> None:
    feed(
        core,
        btc.book(0),
        btc.accepted(0, "buy", 9_990),
        btc.order(1, "place_intent", "pending_new", "sell", 10_010),
        btc.accepted(2, "sell", 10_010),
        btc.order(3, "amend_intent", "pending_amend", "sell", 10_020),
        btc.order(5, "amended", "live", "sell", 10_020),
        btc.order(6, "cancel_intent", "pending_cancel", "sell", 10_020),
        btc.order(8, "cancelled", "cancelled", "sell", 10_020),
        btc.book(20),
    )

    counters = view(core).counters

    assert counters.two_sided_ns == 6 * NS_PER_S
    # the price asked for by an amend counts from its confirmation, at 5 s
    expected = 3 * 20 / 10_000 + 3 * 30 / 10_005
    assert counters.spread_bps_ns == pytest.approx(expected * 10_000 * NS_PER_S, rel=1e-12)


def test_the_best_of_several_levels_is_the_quoted_spread(core: ProjectorCore, btc: Messages) -> None:
    feed(
        core,
        btc.book(0),
        btc.accepted(0, "buy", 9_980, client_order_id="b1"),
        btc.accepted(0, "buy", 9_990, client_order_id="b0"),
        btc.accepted(0, "sell", 10_010, client_order_id="a0"),
        btc.book(1),
    )

    assert view(core).counters.spread_bps_ns == pytest.approx(20.0 * NS_PER_S)


@pytest.mark.case("PN4")
def test_orders_with_a_fill_of_orders_finished(core: ProjectorCore, btc: Messages) -> None:
    """Filled 2, 0.5, 1 and 0 of 2, 2, 2 and 1: any fill 3 of 4. Refused orders do not count."""
    for number, filled in enumerate((2_000, 500, 1_000, 0)):
        name = {"client_order_id": f"o{number}"}
        end = "filled" if filled == 2_000 else "cancelled"
        feed(core, btc.accepted(1, "buy", 9_990, **name))
        feed(core, btc.order(2, end, end, "buy", 9_990, filled_lots=filled, **name))
    feed(core, btc.order(3, "place_intent", "pending_new", "buy", 9_990, client_order_id="o9"))
    feed(core, btc.order(3, "rejected", "rejected", "buy", 9_990, client_order_id="o9"))
    feed(core, btc.accepted(3, "buy", 9_990, client_order_id="still live"))

    counters = view(core).counters

    assert (counters.orders_with_fill, counters.orders_finished) == (3, 4)


def test_an_end_that_comes_twice_counts_once(core: ProjectorCore, btc: Messages) -> None:
    end = btc.order(2, "cancelled", "cancelled", "buy", 9_990)
    feed(core, btc.accepted(1, "buy", 9_990), end, end)

    assert view(core).counters.orders_finished == 1


@pytest.mark.case("PN3")
def test_mean_inventory_notional(core: ProjectorCore, btc: Messages) -> None:
    """Inventory 0, 2, 3, 1, 1 over 5 s at the mids 100, 100.02, 99.99, 100.01, 100.05: mean 140.014."""
    mids = (20_000, 20_004, 19_998, 20_002, 20_010)
    feed(core, btc.instrument(0), btc.book(0))
    for second, (units, mark) in enumerate(zip((0, 2, 3, 1, 1), mids, strict=True)):
        feed(core, btc.position(second, lots=units * 1_000, mark=mark))
    feed(core, btc.book(5))

    counters = view(core).counters

    assert counters.inventory_notional_ns / counters.time_ns == pytest.approx(140.014, abs=1e-9)


def test_time_before_the_newest_change_adds_nothing_to_an_integral() -> None:
    integral = TimeIntegral()
    integral.change(3, 100)
    integral.change(5, 90)
    assert integral.at(100) == 0
    assert integral.at(110) == 50
