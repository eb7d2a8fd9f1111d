"""The core of risk-service: the states it publishes, of each symbol and of the account."""

from decimal import Decimal
from typing import cast

from schemas.market import BookStatus
from schemas.message import ALL_SYMBOLS, Event
from schemas.risk import RiskAlert, RiskState
from tests.kit.messages import BTC, ETH, MS, T0, S, command, instrument, position, signal, tick
from tests.unit.risk_service.risk_cores import alerts, core, in_force, state, states


def test_a_symbol_may_trade_from_its_instrument_on() -> None:
    said = state(core(ETH, started=False).on_event(instrument(BTC)))
    assert (said.state, said.reasons, said.latched, said.halt_sequence) == ("RUN", (), False, 0)
    assert {each.name for each in said.limits} == {"position", "loss"}


def test_a_repeated_instrument_says_nothing_new() -> None:
    assert core().on_event(instrument()) == ()


def test_the_account_is_silent_before_the_first_tick() -> None:
    made = core(started=False)
    said = made.on_event(position(5, "-400000"))
    assert states(said, ALL_SYMBOLS) == []
    assert state(made.on_event(tick()), ALL_SYMBOLS).state == "RUN"


def test_a_breach_before_the_first_tick_is_in_the_first_state() -> None:
    made = core(started=False, account_max_loss="-100")
    made.on_event(position(5, "-110"))
    assert state(made.on_event(tick()), ALL_SYMBOLS).reasons == ("ACCOUNT_MAX_LOSS",)


def test_the_account_says_its_state_on_every_tick() -> None:
    made = core()
    for number in range(1, 9):
        said = state(made.on_event(tick(number / 4)), ALL_SYMBOLS)
        assert (said.event_time_ns, said.state) == (T0 + number * 250 * MS, "RUN")


def test_a_symbol_with_a_position_says_how_near_its_limits_are_once_a_second() -> None:
    made = core(BTC, ETH)
    made.on_event(position(5))
    told = [
        each.event_time_ns - T0 for number in range(13) for each in states(made.on_event(tick(number / 4)))
    ]
    assert told == [S, 2 * S, 3 * S]
    assert states(made.on_event(tick(4)), ETH) == [], "one without a position is silent"


def test_a_position_without_a_mark_only_reduces_until_there_is_one() -> None:
    made = core()
    said = state(made.on_event(position(5, mark=None)))
    assert (said.state, said.reasons) == ("REDUCE_ONLY", ("NO_MARK",))
    assert state(made.on_event(signal(200))).state == "RUN"


def test_profit_that_was_reported_without_a_mark_is_taken_as_reported() -> None:
    made = core(max_loss="-500")
    made.on_event(position(5, "-500", mark=None))
    assert state(made.on_event(signal(1_000_000))).reasons == ("MAX_LOSS",)


def test_a_signal_without_a_mid_takes_no_mark_away() -> None:
    made = core()
    made.on_event(position(5))
    assert made.on_event(signal(None)) == ()
    assert in_force(made).state == "RUN"


def test_a_position_that_comes_before_its_instrument_counts_as_soon_as_that_is_known() -> None:
    made = core(ETH, max_loss="-500")
    made.on_event(position(5, "-550"))
    said = made.on_event(instrument(BTC))
    assert state(said).reasons == ("MAX_LOSS",)
    exposure = {each.name: each.value for each in state(made.on_event(tick(1)), ALL_SYMBOLS).limits}[
        "exposure"
    ]
    assert exposure > 0


def test_a_position_without_an_instrument_only_reduces_and_counts_at_its_own_figures() -> None:
    made = core(ETH, max_exposure=0.2)
    said = made.on_event(position(5_000))
    assert (state(said).state, state(said).reasons) == ("REDUCE_ONLY", ("NO_INSTRUMENT",))
    assert state(said, ALL_SYMBOLS).reasons == ("MAX_EXPOSURE",)
    assert state(made.on_event(instrument(BTC))).state == "RUN"


def test_an_instrument_with_other_units_halts_its_symbol_alone() -> None:
    made = core(BTC, ETH)
    made.on_event(position(5))
    said = made.on_event(instrument(BTC, tick_size=Decimal("0.5")))
    assert (state(said).state, state(said).reasons) == ("HALT", ("INSTRUMENT_CHANGED",))
    assert (in_force(made, ETH).state, in_force(made, ALL_SYMBOLS).state) == ("RUN", "RUN")
    assert made.on_event(instrument(BTC, min_notional=Decimal(5))) == (), "other facts may change"


def test_a_book_that_is_not_live_is_told_once_per_episode_and_halts_nobody() -> None:
    made = core()

    def told(seconds: float, status: BookStatus) -> list[Event]:
        at = signal(200, time_ns=T0 + round(seconds * S)).model_copy(update={"book_status": status})
        return list(made.on_event(at))

    assert told(0, "building") == [], "a book that was never live is no news"
    assert told(1, "live") == []
    (alert,) = told(2, "gapped")
    assert isinstance(alert, RiskAlert)
    assert (alert.name, alert.severity) == ("BOOK_NOT_LIVE", "info")
    assert "gapped" in alert.message
    flicker = ((3, "building"), (4, "live"), (5, "crossed"), (6, "live"), (15.9, "stale"), (16, "live"))
    for seconds, status in flicker:
        assert told(seconds, cast("BookStatus", status)) == []
    assert alerts(told(26, "stale")) == ["BOOK_NOT_LIVE"], "it was live for ten seconds"
    assert in_force(made).state == "RUN"


def test_an_episode_ends_too_where_nothing_is_heard_between() -> None:
    made = core()
    for seconds, status, expected in (
        (0, "live", []),
        (1, "stale", ["BOOK_NOT_LIVE"]),
        (2, "live", []),
        (11, "live", []),
        (13, "stale", ["BOOK_NOT_LIVE"]),
    ):
        at = signal(200, time_ns=T0 + seconds * S).model_copy(update={"book_status": status})
        assert alerts(made.on_event(at)) == expected


def test_a_book_that_stays_stale_is_one_episode() -> None:
    made = core()
    made.on_event(signal(200))
    stale = [
        signal(200, time_ns=T0 + at * S).model_copy(update={"book_status": "stale"}) for at in (1, 20, 40)
    ]
    assert [alerts(made.on_event(each)) for each in stale] == [["BOOK_NOT_LIVE"], [], []]


def test_a_symbol_that_has_become_flat_is_said_once_more() -> None:
    made = core(max_position="100")
    made.on_event(position(50))
    made.on_event(tick(1))
    made.on_event(position(0, "-20"))
    (said,) = states(made.on_event(tick(2)))
    assert [each.value for each in said.limits] == [0.0, -20.0]
    assert states(made.on_event(tick(4))) == []


def test_one_symbols_halt_leaves_the_others_and_the_account() -> None:
    made = core(BTC, ETH, max_loss="-500")
    said = made.on_event(position(5, "-600"))
    assert {each.symbol for each in said if isinstance(each, RiskState)} == {BTC}
    assert made.on_event(position(5, "10", symbol=ETH)) == ()
    said = made.on_event(tick(0.25))
    assert state(said, ALL_SYMBOLS).state == "RUN"
    assert (in_force(made, BTC).state, in_force(made, ETH).state) == ("HALT", "RUN")


def test_alert_ids_are_used_once() -> None:
    made = core(max_loss="-500")
    said = [
        *made.on_event(position(5, "-600")),
        *made.on_event(command("resume")),
        *made.on_event(command("resume", "c2")),
    ]
    ids = [each.alert_id for each in said if isinstance(each, RiskAlert)]
    assert len(ids) == len(set(ids)) >= 3


def test_events_that_are_not_of_risk_are_passed_over() -> None:
    assert core().on_event(Event(event_time_ns=T0)) == ()
