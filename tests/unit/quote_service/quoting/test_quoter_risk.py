"""What a quoter does on the word of risk-service and of people, and when it says a target again."""

from decimal import Decimal

import pytest
from quote_service.quoting import reasons
from quote_service.quoting.quoter import QuoterCore

from schemas.control import CommandAction
from schemas.message import ALL_SYMBOLS
from schemas.process import Tick
from tests.kit.messages import ETH, MS, T0, S
from tests.unit.quote_service.quoting.builders import (
    SOL,
    book,
    command,
    config,
    facts,
    instrument,
    position,
    quotes,
    quoting,
    risk,
    signal,
    targets,
    why_not,
)


class TestRisk:
    """RUN, REDUCE_ONLY and HALT, of a symbol and of the account."""

    @pytest.mark.parametrize(
        ("lots", "expected"),
        [(700, (None, (10_010, 700))), (-700, ((9_990, 700), None)), (9_000, (None, (10_010, 2_000)))],
    )
    @pytest.mark.parametrize("symbol", [SOL, ALL_SYMBOLS])
    def test_reduce_only_leaves_the_side_that_lowers_the_position_and_no_more_than_it(
        self, lots: int, expected: tuple[tuple[int, int] | None, tuple[int, int] | None], symbol: str
    ) -> None:
        core = quoting()
        targets(core, position(lots=lots))
        (target,) = targets(core, risk("REDUCE_ONLY", symbol, "MAX_EXPOSURE", at=T0 + 1))
        assert quotes(target) == expected
        assert why_not(target).count(reasons.RISK_REDUCE_ONLY) == 1

    def test_reduce_only_keeps_the_first_reason_of_a_side(self) -> None:
        core = quoting()
        targets(core, position(lots=100_000, bias=1.0), command("stop"), risk("REDUCE_ONLY", SOL))
        (target,) = targets(core, command("start"))
        assert why_not(target) == (reasons.MAX_INVENTORY, None)

    def test_reduce_only_follows_a_shrinking_position_at_once(self) -> None:
        """From 700 to 690 is less than the fifth that would otherwise replace a size."""
        core = quoting()
        targets(core, position(lots=700), risk("REDUCE_ONLY", SOL))
        (target,) = targets(core, position(lots=690, at=T0 + 1))
        assert quotes(target) == (None, (10_010, 690))

    def test_reduce_only_quotes_nothing_that_the_venue_would_refuse(self) -> None:
        """20 lots are 2: less than 10, and more would turn the position round."""
        core = QuoterCore(config())
        targets(core, risk(), instrument(min_notional=Decimal(10)), signal(), book(), position(lots=20))
        (target,) = targets(core, risk("REDUCE_ONLY", SOL))
        because = "the smallest order is 0.1, and RISK_REDUCE_ONLY leaves 0.02"
        assert why_not(target) == (reasons.RISK_REDUCE_ONLY, f"{reasons.BELOW_MIN_NOTIONAL}: {because}")

    def test_reduce_only_reduces_nothing_that_is_told_in_other_units(self) -> None:
        core = quoting()
        targets(core, position(lots=700, version=2))
        (target,) = targets(core, risk("REDUCE_ONLY", SOL))
        assert why_not(target) == (reasons.RISK_REDUCE_ONLY, reasons.RISK_REDUCE_ONLY)

    def test_a_halt_of_the_account_pulls_every_symbol(self) -> None:
        core = quoting()
        targets(core, instrument(ETH), signal(ETH), book(symbol=ETH))
        pulled = targets(core, risk("HALT", ALL_SYMBOLS, "ACCOUNT_MAX_LOSS", at=T0 + 1))
        assert {target.symbol for target in pulled} == {SOL, ETH}
        for target in pulled:
            assert why_not(target) == ("RISK_HALT: ACCOUNT_MAX_LOSS",) * 2

    def test_a_halt_of_one_symbol_leaves_the_others(self) -> None:
        core = quoting()
        targets(core, instrument(ETH), signal(ETH), book(symbol=ETH))
        (pulled,) = targets(core, risk("HALT", SOL, "MAX_LOSS", at=T0 + 1))
        assert pulled.symbol == SOL

    def test_the_end_of_a_halt_quotes_again(self) -> None:
        core = quoting()
        targets(core, risk("HALT", ALL_SYMBOLS, "DRAWDOWN"))
        (target,) = targets(core, risk("RUN", at=T0 + 1))
        assert why_not(target) == (None, None)

    def test_a_heartbeat_prices_nothing(self) -> None:
        """The target is old enough to be refreshed, and a heartbeat is not what refreshes it."""
        assert targets(quoting(), risk(at=T0 + 3 * S)) == []


class TestCommands:
    """Start and stop, by people."""

    def test_a_stopped_symbol_is_pulled_and_a_started_one_quoted(self) -> None:
        core = quoting()
        (stopped,) = targets(core, command("stop", at=T0 + 1))
        assert why_not(stopped) == (reasons.STOPPED_BY_COMMAND,) * 2
        assert targets(core, book(at=T0 + 2)) == []
        (started,) = targets(core, command("start", at=T0 + 3))
        assert quotes(started) == ((9_990, 2_000), (10_010, 2_000))

    def test_all_can_be_stopped_and_one_started(self) -> None:
        core = quoting()
        targets(core, instrument(ETH), signal(ETH), book(symbol=ETH))
        assert len(targets(core, command("stop", ALL_SYMBOLS))) == 2
        (started,) = targets(core, command("start"))
        assert started.symbol == SOL
        assert targets(core, book(symbol=ETH, at=T0 + 1)) == []

    def test_a_symbol_that_appears_after_all_were_stopped_is_stopped(self) -> None:
        core = quoting()
        targets(core, command("stop", ALL_SYMBOLS))
        (target,) = targets(core, instrument(ETH), signal(ETH), book(symbol=ETH))
        assert why_not(target) == (reasons.STOPPED_BY_COMMAND,) * 2

    @pytest.mark.parametrize("action", ["halt", "resume"])
    def test_halt_and_resume_are_for_risk_service(self, action: CommandAction) -> None:
        assert targets(quoting(), command(action)) == []

    def test_a_command_for_an_unknown_symbol_does_nothing(self) -> None:
        assert targets(quoting(), command("stop", "DOGE/USDT")) == []


class TestSayingAgain:
    """A target is replaced where it changed enough, and refreshed before it ends."""

    def test_a_small_move_leaves_the_quote_and_its_return_too(self) -> None:
        """1 tick of 10,000 is 1 bp, and the threshold is 2."""
        core = quoting()
        assert targets(core, book(10_000, 10_002, at=T0 + 1), book(at=T0 + 2)) == []

    def test_a_drift_is_followed_once_it_is_beyond_the_threshold(self) -> None:
        core = quoting()
        assert targets(core, book(10_000, 10_002, at=T0 + 1)) == []
        (target,) = targets(core, book(10_002, 10_004, at=T0 + 2))
        assert quotes(target) == ((9_992, 2_000), (10_014, 2_000))

    def test_a_quote_that_would_take_is_replaced_at_once(self) -> None:
        """With a threshold of 100 bps nothing else would replace it."""
        core = quoting(config(market_making={"requote_threshold_bps": 100}))
        assert targets(core, book(9_985, 9_991, at=T0 + 1)) == []
        (target,) = targets(core, book(9_980, 9_985, at=T0 + 2))
        assert quotes(target) == ((9_972, 2_000), (10_010, 2_000))

    def test_a_target_is_refreshed_at_half_its_life_with_the_price_that_stands(self) -> None:
        core = quoting()
        just_before, half = T0 + 2_500 * MS - 1, T0 + 2_500 * MS
        assert targets(core, book(10_000, 10_002, at=just_before)) == []
        (target,) = targets(core, book(10_000, 10_002, at=half))
        assert quotes(target) == ((9_990, 2_000), (10_010, 2_000))
        assert (target.sequence, target.event_time_ns, target.valid_until_ns) == (2, half, half + 5 * S)
        assert target.mid_half_ticks == 20_002, "the mid of now"

    def test_a_refresh_of_no_quote_keeps_its_reason(self) -> None:
        core = QuoterCore(config())
        targets(core, *facts(), book(status="crossed"))
        (target,) = targets(core, Tick(event_time_ns=T0 + 3 * S))
        assert why_not(target) == ("BOOK_CROSSED", "BOOK_CROSSED")

    def test_a_tick_prices_only_what_was_not_priced_for_an_interval(self) -> None:
        core = quoting(config(market_making={"update_frequency": 3.0}))
        assert targets(core, Tick(event_time_ns=T0 + 3 * S - 1)) == []
        (target,) = targets(core, Tick(event_time_ns=T0 + 3 * S))
        assert target.sequence == 2
