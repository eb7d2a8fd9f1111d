"""A removed symbol is forgotten, and what was on its way about it brings nothing back."""

from quote_service.quoting.quoter import QuoterCore

from schemas.config import Config
from schemas.market import SymbolRemoved
from schemas.quoting import QuoteTarget
from tests.kit.messages import BTC, T0, VENUE, S, book, command, instrument, position, risk_state, signal


def test_nothing_that_was_on_its_way_brings_it_back_and_its_contract_does() -> None:
    made = QuoterCore(Config())
    made.on_event(risk_state())
    for event in (instrument(), signal(), book()):
        made.on_event(event)
    (target,) = made.on_event(command("remove"))
    assert isinstance(target, QuoteTarget)
    assert target.bid.not_quoting_because == "STOPPED_BY_COMMAND"
    assert made.on_event(SymbolRemoved(event_time_ns=T0 + S, venue=VENUE, symbol=BTC, command_id="c1")) == ()
    for late in (book(), signal(), position(5), instrument(), risk_state(symbol=BTC)):
        assert made.on_event(late) == ()
    made.on_event(instrument(time_ns=T0 + 2 * S))
    (again,) = made.on_event(book(time_ns=T0 + 2 * S))
    assert isinstance(again, QuoteTarget)
    assert again.bid.not_quoting_because != "STOPPED_BY_COMMAND"
