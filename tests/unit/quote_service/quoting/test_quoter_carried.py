"""What quote-service carries over the border of a session: what people stopped, what fills left."""

from decimal import Decimal
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from quote_service.quoting import reasons
from quote_service.quoting.quoter import AWAITED_MAX, QuoterCore

from runtime.process.definition import Carries
from schemas.carried.quoter import QuoterCarried
from schemas.config import Config
from schemas.control import CommandAction
from schemas.envelope import decode, encode
from schemas.message import ALL_SYMBOLS, Event
from tests.kit.messages import ETH, MS, T0, S
from tests.unit.quote_service.quoting.builders import (
    SOL,
    book,
    command,
    config,
    facts,
    instrument,
    position,
    quoting,
    risk,
    signal,
    targets,
    why_not,
)

STOPPED = (reasons.STOPPED_BY_COMMAND, reasons.STOPPED_BY_COMMAND)


def over_the_border(old: QuoterCore, settings: Config | None = None, at: int = T0 + 1) -> QuoterCore:
    """A core of another session that was given what the old one carries."""
    new = QuoterCore(settings or config(market_making={"base_spread": 0.003}))
    for event in cast(Carries, old).carried(at):
        carried = decode(QuoterCarried, encode(event))
        assert carried == event
        assert new.on_event(carried) == ()
    return new


def shaped(**shape: Any) -> Config:
    return config(shape=shape)


def last_said(core: QuoterCore, *events: Event) -> tuple[str | None, str | None]:
    return why_not(targets(core, *events)[-1])


def test_a_symbol_that_people_stopped_stays_stopped_until_they_start_it() -> None:
    old = quoting()
    old.on_event(command("stop"))
    new = over_the_border(over_the_border(old))
    assert last_said(new, *facts(), book()) == STOPPED
    assert last_said(new, command("start")) == (None, None)


def test_what_all_were_told_holds_for_a_symbol_that_comes_later() -> None:
    old = quoting()
    old.on_event(command("stop", ALL_SYMBOLS)), old.on_event(command("start", SOL))
    new = over_the_border(old)
    assert last_said(new, *facts(), book()) == (None, None)
    assert last_said(new, instrument(ETH), signal(ETH), book(symbol=ETH)) == STOPPED


def test_a_symbol_that_was_left_out_for_a_session_comes_back_stopped() -> None:
    old = quoting()
    old.on_event(command("stop"))
    between = over_the_border(old)  # it is not quoted here: nothing is heard of it
    targets(between, risk(), instrument(ETH), signal(ETH), book(symbol=ETH))
    assert last_said(over_the_border(between), *facts(), book()) == STOPPED


@pytest.mark.parametrize(("said", "expected"), [("start", (None, None)), ("stop", STOPPED)])
def test_a_word_about_a_symbol_that_nobody_has_heard_of_counts_when_it_comes(
    said: CommandAction, expected: tuple[str | None, str | None]
) -> None:
    core = QuoterCore(config())
    core.on_event(command("stop" if said == "start" else "start", ALL_SYMBOLS))
    assert core.on_event(command(said)) == ()
    assert last_said(over_the_border(core), *facts(), book()) == expected
    assert last_said(core, *facts(), book()) == expected


def test_the_newest_word_about_all_counts_for_those_that_are_awaited_too() -> None:
    core = QuoterCore(config())
    core.on_event(command("start")), core.on_event(command("stop", ALL_SYMBOLS))
    assert last_said(core, *facts(), book()) == STOPPED


def test_names_that_never_come_do_not_fill_the_memory() -> None:
    core = QuoterCore(config())
    for number in range(10):
        core.on_event(command("start", f"X{number}/USDT"))
    assert len(core.carried(T0)) == 1  # each would be quoted anyway
    core.on_event(command("stop", ALL_SYMBOLS))
    for number in range(AWAITED_MAX + 5):
        core.on_event(command("start", f"X{number}/USDT"))
    assert len(core.carried(T0)) == AWAITED_MAX + 1


def test_targets_are_numbered_on() -> None:
    (target,) = targets(over_the_border(quoting()), *facts(), book())
    assert target.sequence == 2


def test_a_side_that_was_filled_waits_out_its_delay() -> None:
    delayed = shaped(filled_order_delay_ms=1_000)
    old = quoting(delayed)
    targets(old, position(0), position(500))
    new = over_the_border(old, delayed)
    told = (*facts(), position(500), book(at=T0 + 500 * MS))
    assert last_said(new, *told) == (reasons.FILLED_ORDER_DELAY, None)
    assert last_said(new, book(at=T0 + 1_001 * MS)) == (None, None)


def hanging() -> QuoterCore:
    """Its bid was filled: the ask at 10,010 hangs."""
    core = quoting(shaped(hanging=True))
    targets(core, position(0), position(2_000))
    return core


def test_an_order_that_hangs_hangs_on() -> None:
    settings = shaped(hanging=True, hanging_age_max_s=60)
    new = over_the_border(hanging(), settings)
    told = targets(new, *facts(), position(2_000), book(9_969, 9_971))[-1]
    assert told.ask.prices == (9_980, 10_010)


def test_prices_of_another_contract_do_not_hang_on_but_the_fill_counts() -> None:
    settings = shaped(hanging=True, filled_order_delay_ms=1_000)
    new = over_the_border(hanging(), settings)
    coarse = instrument(tick_size=Decimal("0.1"), version=2)
    told = targets(new, risk(), coarse, signal(), book(997, 998, version=2, at=T0 + 500 * MS))[-1]
    assert len(told.ask.prices) == 1
    assert why_not(told)[0] == reasons.FILLED_ORDER_DELAY


def test_the_moving_band_is_measured_from_where_it_was() -> None:
    settings = shaped(band_above=0.01, band_refresh_s=600)
    old = quoting(settings)
    new = over_the_border(old, settings)
    jumped = book(10_199, 10_201, at=T0 + S)
    assert last_said(new, *facts(), jumped) == (reasons.MOVING_BAND, None)
    fresh = QuoterCore(settings)
    assert last_said(fresh, *facts(), jumped) == (None, None)


@given(
    st.lists(
        st.one_of(
            st.builds(command, st.sampled_from(["start", "stop"]), st.sampled_from([SOL, ETH, ALL_SYMBOLS])),
            st.builds(instrument, st.sampled_from([SOL, ETH])),
            st.builds(position, st.integers(-3_000, 3_000)),
            st.just(book()),
            st.just(signal()),
            st.just(risk()),
        ),
        max_size=25,
    )
)
def test_after_any_life_the_same_is_carried_and_the_same_is_stopped(life: list[Event]) -> None:
    settings = shaped(hanging=True, filled_order_delay_ms=60_000)
    old = QuoterCore(settings)
    for event in life:
        old.on_event(event)
    new = over_the_border(old, settings)
    assert sorted(map(encode, new.carried(T0))) == sorted(map(encode, old.carried(T0)))
    assert sorted(map(encode, new.carried(T0))) == sorted(map(encode, old.carried(T0)))
    for symbol in (SOL, ETH):
        old.on_event(instrument(symbol)), new.on_event(instrument(symbol))
        states = [core._symbols[f"sim:{symbol}"] for core in (old, new)]
        assert states[0].stopped == states[1].stopped
        assert states[0].memory.after_fills == states[1].memory.after_fills
