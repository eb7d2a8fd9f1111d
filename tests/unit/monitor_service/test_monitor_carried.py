"""What monitor-service carries over the border of a session: versions of contracts, what people opened."""

from decimal import Decimal
from typing import Any, cast

from hypothesis import given
from hypothesis import strategies as st
from monitor_service.core.monitor import MonitorCore

from runtime.process.definition import Carries
from schemas.carried.monitor import MonitorCarried
from schemas.config import Config
from schemas.envelope import decode, encode
from schemas.market import FeedInstrument, FeedRefused, Instrument, Refusal
from schemas.message import ALL_SYMBOLS, Event
from tests.kit.messages import BTC, ETH, T0, command, feed_instrument

XRP = "XRP/USDT"


def announced(symbol: str = BTC, **fields: Any) -> FeedInstrument:
    facts: dict[str, Any] = {
        "tick_size": Decimal("0.1"),
        "lot_size": Decimal("0.001"),
        "base_currency": symbol.partition("/")[0],
    }
    return feed_instrument(symbol, **{**facts, **fields})


def over_the_border(old: MonitorCore, config: Config | None = None) -> MonitorCore:
    """A core of another session that was given what the old one carries."""
    new = MonitorCore(config or Config())
    for event in cast(Carries, old).carried(T0):
        carried = decode(MonitorCarried, encode(event))
        assert carried == event
        assert new.on_event(carried) == ()
    return new


def version(core: MonitorCore, **fields: Any) -> int:
    """Under which a contract is announced."""
    (said,) = core.on_event(announced(**fields))
    assert isinstance(said, Instrument)
    return said.version


def core(*events: Event, **sections: Any) -> MonitorCore:
    made = MonitorCore(Config.model_validate(sections))
    for event in events:
        made.on_event(event)
    return made


def test_the_same_terms_are_the_same_version_and_others_the_next() -> None:
    first = core(announced())
    assert version(over_the_border(first)) == 1
    second = over_the_border(first)
    assert version(second, tick_size=Decimal("0.5")) == 2
    assert version(over_the_border(second), tick_size=Decimal("0.5")) == 2
    assert version(over_the_border(second)) == 3  # the ledgers of version 1 were converted to 2 meanwhile


def test_a_contract_that_was_left_out_for_a_session_counts_on() -> None:
    between = over_the_border(core(announced(), announced(tick_size=Decimal("0.5"))))
    between.on_event(announced(ETH))
    third = over_the_border(between)
    assert version(third, tick_size=Decimal("0.25")) == 3
    assert version(third, symbol=ETH) == 1


def test_terms_that_change_while_the_engine_runs_are_a_version_of_their_own() -> None:
    """A feed does not count; a ledger in lots of 0.001 must not be read as one in lots of 0.01."""
    made = core(announced())
    assert version(made, lot_size=Decimal("0.01")) == 2
    assert version(made, lot_size=Decimal("0.01")) == 2
    assert version(made, lot_size=Decimal("0.01"), multiplier=Decimal(10)) == 3


def test_fees_and_filters_are_no_version() -> None:
    assert version(over_the_border(core(announced())), maker_fee_bps=Decimal(3)) == 1


def test_a_feed_that_counts_versions_is_followed_but_never_back() -> None:
    made = over_the_border(core(announced(version=4)))
    assert version(made) == 4
    assert version(made, version=7) == 7


@given(st.lists(st.tuples(st.sampled_from(["0.1", "0.2", "0.5"]), st.booleans()), min_size=1, max_size=20))
def test_a_version_never_means_two_things(life: list[tuple[str, bool]]) -> None:
    """Whatever ticks come, in one session or in several."""
    made, meaning = MonitorCore(Config()), dict[int, str]()
    newest = 0
    for tick, is_border in life:
        made = over_the_border(made) if is_border else made
        number = version(made, tick_size=Decimal(tick))
        assert meaning.setdefault(number, tick) == tick
        assert number in (newest, newest + 1)
        newest = number


def test_what_people_opened_is_wanted_after_the_border_until_they_stop_it() -> None:
    made = core(command("start", symbol=XRP), announced(XRP))
    new = over_the_border(made)
    assert new.requested.started == {f"sim:{XRP}": "c1"}
    new.on_event(announced(XRP)), new.on_event(command("stop", symbol=XRP))
    assert over_the_border(new).requested.started == {}


def test_one_that_is_stopped_and_started_again_is_wanted_again() -> None:
    steps = (command("start", symbol=XRP), announced(XRP), command("stop", symbol=XRP))
    made = core(*steps, command("start", "c2", symbol=XRP))
    assert list(over_the_border(made).requested.started) == [f"sim:{XRP}"]


def test_what_is_followed_anyway_and_a_word_to_all_open_nothing() -> None:
    made = core(announced(), command("start", symbol=BTC), command("start", symbol=ALL_SYMBOLS))
    assert made.requested.started == {}


def test_a_start_that_is_one_symbol_too_many_is_refused_with_its_command() -> None:
    made = core(announced(), announced(ETH), market_data={"symbols_max": 3})
    assert made.on_event(command("start", symbol=XRP)) == ()
    assert made.on_event(command("start", symbol=XRP)) == ()  # it is the same one
    (said,) = made.on_event(command("start", "c2", symbol="DOGE/USDT"))
    assert isinstance(said, Refusal)
    assert (said.reason, said.command_id, said.symbol) == ("not_followed", "c2", "DOGE/USDT")
    assert "market_data.symbols_max" in said.detail


def test_what_the_feed_does_not_have_is_told_with_its_command_and_wanted_no_more() -> None:
    made = core(command("start", symbol=XRP))
    refused = FeedRefused(
        event_time_ns=T0, venue="sim", symbol=XRP, reason="not_followed", detail="no", command_id="c1"
    )
    (said,) = made.on_event(refused)
    assert isinstance(said, Refusal)
    assert (said.detail, said.command_id) == ("no", "c1")
    assert made.requested.started == {}
