"""What risk-service carries over the border of a session: halts, sums and maxima, after any life."""

from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from risk_service.core.risk import RiskCore
from risk_service.core.scope import Scope

from schemas.control import Command
from schemas.inventory import OpenFee
from schemas.message import ALL_SYMBOLS, Event
from schemas.process import MessageFault, SettingApplied
from tests.kit.messages import BTC, ETH, T0, S, fill, instrument, position, signal, tick
from tests.unit.risk_service.carried_risk import (
    alerts,
    command,
    config,
    core,
    levels,
    over_the_border,
    scopes,
)
from tests.unit.risk_service.risk_cores import states


def test_a_latched_halt_is_said_at_once_with_its_number_and_reasons_and_is_no_news_to_people() -> None:
    old = core(config(), instrument(), position(1), tick(), command("halt"))
    _, said = over_the_border(old)
    (told,) = states(said)
    assert (told.state, told.latched, told.halt_sequence) == ("HALT", True, 1)
    assert told.reasons == ("COMMAND: odd prices by ann",)
    assert told.event_time_ns == T0 + S
    assert alerts(said) == []


def test_a_latched_halt_of_the_account_is_said_before_the_first_tick() -> None:
    old = core(config(), tick(), command("halt", ALL_SYMBOLS))
    new, said = over_the_border(old)
    assert [each.state for each in states(said, ALL_SYMBOLS)] == ["HALT"]
    assert [each.state for each in states(new.on_event(tick(2)), ALL_SYMBOLS)] == ["HALT"]


def test_an_account_that_is_not_halted_is_silent_until_its_first_tick() -> None:
    old = core(config(), instrument(), position(1), tick())
    new, said = over_the_border(old)
    for event in levels(old):
        said += new.on_event(event)
    assert states(said, ALL_SYMBOLS) == []
    assert [each.state for each in states(new.on_event(tick(2)), ALL_SYMBOLS)] == ["RUN"]


def test_a_looser_limit_in_the_file_ends_no_latched_halt_but_people_do() -> None:
    old = core(config(max_loss="-100"), instrument(), position(1, "-150"), tick())
    loose = config(max_loss="-10000")
    new, said = over_the_border(old, loose)
    for event in (*levels(old), tick(2)):
        said += new.on_event(event)
    assert {each.state for each in states(said)} == {"HALT"}
    assert [each.state for each in states(new.on_event(command("resume", halt_sequence=1)))] == ["RUN"]


def test_the_limits_of_the_new_configuration_judge_the_carried_state() -> None:
    old = core(config(), instrument(), position(50, "-10"), tick())
    new, said = over_the_border(old, config(max_position=40))
    for event in levels(old):
        said += new.on_event(event)
    assert states(said)[-1].reasons == ("MAX_POSITION",)
    assert [each.name for each in alerts(said)] == ["REDUCE_ONLY", "NEAR_POSITION"]


def test_a_restriction_that_stays_is_said_again_to_readers_but_not_to_people() -> None:
    old = core(config(max_position=40), instrument(), position(50), tick())
    new, said = over_the_border(old, config(max_position=41))
    for event in levels(old):
        said += new.on_event(event)
    assert [each.state for each in states(said)][-1:] == ["REDUCE_ONLY"]
    assert alerts(said) == []


def test_drawdown_is_measured_from_the_carried_maximum() -> None:
    limits: dict[str, Any] = {"max_drawdown": -0.1, "account_max_loss": "-100000", "max_loss": "-100000"}
    old = core(config(1_000, **limits), instrument(), position(0, "500"), position(0, "400"), tick())
    new, _ = over_the_border(old, config(1_000, **limits))
    for event in levels(old):
        new.on_event(event)
    assert states(new.on_event(tick(2)), ALL_SYMBOLS)[0].state == "RUN"
    new.on_event(position(0, "349"))
    told = states(new.on_event(tick(2)), ALL_SYMBOLS)[0]
    assert told.reasons == ("MAX_DRAWDOWN",)  # (1500 - 1349) / 1500


def test_symbols_that_come_one_after_another_raise_no_maximum() -> None:
    """A profit of 500 and a loss of 490 never were a profit of 500 of the account."""
    winner, loser = position(0, "500", ETH), position(0, "-490")
    old = core(config(), instrument(), instrument(ETH), loser, winner, tick())
    new, _ = over_the_border(old)
    for event in (instrument(), instrument(ETH), winner, loser):
        new.on_event(event)
    assert new._account.high_water == old._account.high_water == 1_000_010


def test_more_capital_is_no_profit_and_less_is_no_drawdown() -> None:
    old = core(config(1_000), instrument(), position(0, "100"), position(0, "50"), tick())
    for capital in (500, 2_000):
        new, _ = over_the_border(old, config(capital))
        account = new._account
        assert (account.equity, account.high_water) == (Decimal(capital + 50), Decimal(capital + 100))


def test_money_of_another_reporting_currency_halts_the_account_until_people_have_looked() -> None:
    old = core(config(), instrument(), position(1, "-100"), tick())
    new, said = over_the_border(old, config(currency="EUR"))
    (told,) = states(said, ALL_SYMBOLS)
    assert told.state == "HALT"
    assert "USDT" in told.reasons[0]
    assert "EUR" in told.reasons[0]
    assert [each.name for each in alerts(said)] == ["HALT"]
    assert new._account.pnl == 0


def test_the_first_of_two_people_need_not_ask_again() -> None:
    two = config(resume_people=2)
    old = core(two, instrument(), position(1), tick(), command("halt"))
    old.on_event(command("resume_request", halt_sequence=1))
    new, said = over_the_border(old, two)
    assert states(said)[0].resume_asked_by == "ann"
    for event in levels(old):
        new.on_event(event)
    again = new.on_event(command("resume", halt_sequence=1))
    assert [each.state for each in states(again)] == ["HALT"]  # ann is not the second
    ended = new.on_event(command("resume", person="bob", halt_sequence=1, agrees_with="ann"))
    assert [each.state for each in states(ended)] == ["RUN"]


def test_a_halt_that_waited_while_the_process_was_down_counts() -> None:
    old = core(config(), instrument(), position(1), tick())
    new, _ = over_the_border(old, config(max_position=7))
    for event in levels(old):
        new.on_event(event)
    assert states(new.on_event(command("halt")))[0].state == "HALT"


def test_alerts_are_numbered_on() -> None:
    old = core(config(), instrument(), position(1), tick(), command("halt"))
    new, _ = over_the_border(old)
    (said,) = alerts(new.on_event(command("resume", halt_sequence=7)))
    assert said.alert_id.endswith(f"-{old._alerts.count + 1}")


def test_a_state_that_lost_its_alerts_repeats_no_id() -> None:
    """An acknowledgement of an old alert is none of a new one."""
    (old,) = alerts(core(config(), instrument(), position(1), tick()).on_event(command("halt")))
    anew = core(config(), instrument(), position(1), tick())
    later = command("halt").model_copy(update={"event_time_ns": old.event_time_ns + S})
    (new,) = alerts(anew.on_event(later))
    assert new.alert_id != old.alert_id


def test_fees_without_a_rate_that_people_know_of_are_not_said_again() -> None:
    owing = position(1, open_fees=(OpenFee(currency="BNB", amount=Decimal("0.1")),))
    old = core(config(), instrument(), owing, tick())
    new, _ = over_the_border(old)
    assert alerts(new.on_event(instrument())) + alerts(new.on_event(owing)) == []
    assert [each.name for each in alerts(new.on_event(position(1)))] == ["FEE_BOOKED"]


def test_executions_before_the_border_count_for_the_throttle() -> None:
    throttled = config(repeat_fills_same_side=3)
    old = core(throttled, instrument(), fill("1"), fill("2"))
    new, _ = over_the_border(old, throttled)
    assert states(new.on_event(fill("2"))) == []  # the same order again
    assert states(new.on_event(fill("3")))[0].reasons == ("REPEATED_EXECUTIONS",)


def test_a_setting_that_one_process_took_and_another_refuses_after_the_border_halts() -> None:
    def applied(process: str, because: str | None) -> SettingApplied:
        return SettingApplied(
            event_time_ns=T0,
            process=process,
            change_id="c-1",
            setting_key="risk_limits.max_loss",
            value="-1",
            refused_because=because,
        )

    old = core(config(), applied("order-router", None))
    new, _ = over_the_border(old)
    new.on_event(tick(2))
    (told,) = states(new.on_event(applied("risk-service", "no")), ALL_SYMBOLS)
    assert told.state == "HALT"


SYMBOLS = st.sampled_from([BTC, ETH])
MONEY = st.integers(-700, 700).map(str)
EVENTS = st.one_of(
    st.builds(instrument, SYMBOLS),
    st.builds(position, st.integers(-150, 150), MONEY, SYMBOLS),
    st.builds(signal, st.integers(150, 250), SYMBOLS, st.just(T0)),
    st.builds(fill, st.integers(0, 30).map(str), st.sampled_from(["buy", "sell"]), symbol=SYMBOLS),
    st.builds(
        command,
        st.sampled_from(["halt", "resume_request", "resume"]),
        st.sampled_from([BTC, ETH, ALL_SYMBOLS]),
        st.sampled_from(["ann", "bob"]),
    ),
    st.builds(
        MessageFault,
        event_time_ns=st.just(T0),
        process=st.just("quote-service"),
        venue=st.just("sim"),
        symbol=SYMBOLS,
        message_type=st.just("market.book.v1"),
        topic=st.none(),
        event_id=st.none(),
        error=st.sampled_from(["ValueError", "KeyError"]),
    ),
    st.just(tick()),
)
LIMITS: dict[str, Any] = {
    "max_loss": "-400",
    "account_max_loss": "-600",
    "max_position": 100,
    "max_drawdown": -0.05,
    "repeat_fills_same_side": 6,
    "resume_people": 2,
}


def halts(scope: Scope) -> tuple[Any, ...]:
    return scope.latches, scope.halt_sequence, scope.resume_asked, scope.warned, scope.reached


def memory(made: RiskCore) -> list[Any]:
    """Halts, sums and maxima."""
    account = made._account
    return [
        (account.equity, account.high_water, account.pnl, account.gross, account.forgiven),
        halts(account.scope),
        *(
            (
                key,
                each.pnl,
                each.notional,
                each.units,
                each.forgiven,
                each.mark_half_ticks,
                *halts(each.scope),
            )
            for key, each in sorted(made._symbols.items())
        ),
    ]


@settings(max_examples=150)
@given(st.lists(EVENTS, max_size=40), st.lists(EVENTS, max_size=15))
def test_any_life_cut_anywhere_goes_on_as_if_it_had_not_been_cut(
    before: list[Event], after: list[Event]
) -> None:
    """A session of other parameters and the same limits: halts, sums and maxima are those of one life."""
    made_of = config(10_000, **LIMITS)
    old = core(made_of, *before)
    new, _ = over_the_border(old, made_of.model_copy(update={"feed": config().feed}), T0)
    assert memory(new) == memory(old)
    for event in levels(old):
        new.on_event(event)
    assert memory(new) == memory(old)
    known = {each.command_id for each in before if isinstance(each, Command)}
    after = [each for each in after if not isinstance(each, Command) or each.command_id not in known]
    for event in (tick(), *after):
        old.on_event(event), new.on_event(event)
    assert memory(new) == memory(old)
    told = [scope.published for made in (old, new) for scope in scopes(made)]
    assert {(each.symbol, each.state, each.reasons) for each in told[: len(told) // 2] if each} == {
        (each.symbol, each.state, each.reasons) for each in told[len(told) // 2 :] if each
    }
