"""What the order router's gate would refuse is not stated as a quote."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from quote_service.quoting.quoter import QuoterCore

from schemas.config import Config
from schemas.control import SettingChange
from schemas.gating import GateRoom, RefusedQuote
from schemas.message import Event
from tests.kit import messages as kit
from tests.kit.messages import T0, S
from tests.unit.quote_service.quoting.builders import (
    SOL,
    book,
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


def room(at: int = T0 + 1, **fields: Any) -> GateRoom:
    """Nothing binds, unless said otherwise."""
    return GateRoom(**kit.named(SOL, at), **fields)


def quoted(settings: Config, *events: Event) -> tuple[Any, Any]:
    """The last target's quotes and reasons."""
    target = targets(QuoterCore(settings), *facts(), book(), *events)[-1]
    return quotes(target), why_not(target)


class TestCollar:
    """Half of 4.2 % is 210 ticks, and the collar of 2 % is 200."""

    wide = config(market_making={"base_spread": 0.042})

    def test_a_price_beyond_it_is_not_stated_and_the_reason_has_both_distances(self) -> None:
        said, because = quoted(self.wide)
        text = "PRICE_COLLAR: 210.0 bps from the mid, and routing.price_collar allows 200"
        assert (said, because) == ((None, None), (text, text))

    def test_a_price_at_its_edge_is_stated(self) -> None:
        said, _ = quoted(config(market_making={"base_spread": 0.04}))
        assert said == ((9_800, 2_000), (10_200, 2_000))

    def test_only_the_levels_beyond_it_are_left_out(self) -> None:
        settings = config(market_making={"base_spread": 0.03}, shape={"levels": 3, "level_step_bps": 40})
        (target,) = targets(QuoterCore(settings), *facts(), book())
        assert target.bid.prices == (9_850, 9_810)
        assert target.ask.prices == (10_150, 10_190)

    def test_a_price_that_stands_is_not_asked_for_again(self) -> None:
        """The market moves by 1 bp: the bid is 201 bps away and stays, as 2 bps are not followed."""
        core = QuoterCore(config(market_making={"base_spread": 0.04}))
        targets(core, *facts(), book())
        assert targets(core, book(10_000, 10_002, at=T0 + 1)) == []

    def test_a_side_is_quoted_again_with_the_first_price_that_would_pass(self) -> None:
        """Volatility of 10 bps adds 10 ticks to each side: 205 are refused, 195 are not."""
        core = QuoterCore(config(market_making={"base_spread": 0.039}))
        targets(core, *facts(), book())
        (gone,) = targets(core, signal(volatility_per_sqrt_s=0.001), book(at=T0 + S))
        assert quotes(gone) == (None, None)
        assert targets(core, book(at=T0 + 2 * S)) == [], "no fact has changed"
        (back,) = targets(core, signal(), book(at=T0 + 3 * S))
        assert quotes(back) == ((9_805, 2_000), (10_195, 2_000))

    def test_a_tighter_one_holds_from_its_setting_on(self) -> None:
        core = QuoterCore(config())
        targets(core, *facts(), book())
        change = SettingChange(
            **kit.named("*", T0 + 1), change_id="c", setting_key="routing.price_collar", value="0.0005",
            requester="ann",
        )  # fmt: skip
        said = core.on_event(change)
        assert [each.type_name for each in said] == ["process.setting.v1"], "what stands may stand"
        (target,) = targets(core, book(9_990, 9_992, at=T0 + 2))
        assert [each and each.partition(":")[0] for each in why_not(target)] == ["PRICE_COLLAR"] * 2


class TestCoarseTick:
    """A price of 125 ticks: one of them is 80 bps, and the collar of 2 % is 2.5. Half of 3.6 % is 2.25."""

    spread = 0.036

    def core(self, **pricing: Any) -> QuoterCore:
        core = QuoterCore(config(market_making={"base_spread": self.spread}, pricing=pricing))
        targets(core, *facts())
        return core

    def test_rounding_to_whole_ticks_does_not_carry_a_price_beyond_the_collar(self) -> None:
        """122.75 and 127.25 are 180 bps away; 122 and 128 would be 240."""
        (target,) = targets(self.core(), book(124, 126))
        assert (target.bid.prices, target.ask.prices) == ((123,), (127,))
        steps = target.bid.steps
        assert [(each.name, each.input, each.price_after) for each in steps[-2:]] == [
            ("tick_rounding", pytest.approx(122.75), 122),
            ("price_collar", 122, 123),
        ]
        assert sum(each.effect_bps for each in steps) == pytest.approx(-160)

    def test_where_rounding_outward_stays_inside_it_prices_are_rounded_outward(self) -> None:
        """Around 125.5 the bid of 123.24 goes to 123 and the ask of 127.76 to 128, each 199 bps away."""
        (target,) = targets(self.core(), book(125, 126))
        assert (target.bid.prices, target.ask.prices) == ((123,), (128,))
        assert target.bid.steps[-1].name == "tick_rounding"

    def test_a_mid_that_goes_to_and_fro_by_half_a_tick_takes_no_quote_away(self) -> None:
        core, quoted, tops = self.core(), [], [(124, 126), (125, 126), (125, 127), (125, 126)]
        for second in range(100):
            quoted += targets(core, book(*tops[second % 4], at=T0 + second * S))
        assert quoted
        assert all(each.bid.prices and each.ask.prices for each in quoted)

    def test_the_minimum_spread_is_kept(self) -> None:
        """Of 340 bps half is 2.125 ticks: 123 is 2 from the mid, too near."""
        (target,) = targets(self.core(min_spread_bps=340), book(124, 126))
        text = "PRICE_COLLAR: 240.0 bps from the mid, and routing.price_collar allows 200"
        assert why_not(target) == (text, text)

    def test_what_stands_is_kept_while_it_is_less_than_a_tick_from_the_models_price(self) -> None:
        """Volatility of 30 bps makes it 2.625 ticks, beyond the collar: 123 would not be placed, and stays.
        With 70 bps it is 3.125, and nothing may stay there."""
        core = self.core()
        targets(core, book(124, 126))
        assert targets(core, signal(volatility_per_sqrt_s=0.003), book(124, 126, at=T0 + 1)) == []
        (gone,) = targets(core, signal(volatility_per_sqrt_s=0.007), book(124, 126, at=T0 + 2))
        assert quotes(gone) == (None, None)
        assert targets(core, signal(volatility_per_sqrt_s=0.003), book(124, 126, at=T0 + 3)) == []

    def test_a_smaller_size_than_the_venue_takes_at_the_nearer_price_is_not_quoted(self) -> None:
        """The ask's 2,000 lots at 128 ticks are the minimum of 2.56; at 127 they would be less."""
        core = self.core(order_notional_min="0.01")
        targets(core, instrument(min_notional=Decimal("2.56")), signal())
        (target,) = targets(core, book(124, 126))
        assert target.bid.prices == (123,)
        assert [each and each.partition(":")[0] for each in why_not(target)] == [None, "PRICE_COLLAR"]


@given(
    tops=st.lists(st.tuples(st.integers(40, 300), st.integers(1, 6)), min_size=1, max_size=12),
    base_spread=st.floats(0.001, 0.06),
    min_spread_bps=st.floats(0, 400, allow_subnormal=False),
    volatility=st.floats(0, 0.02, allow_subnormal=False),
)
def test_no_new_price_is_beyond_the_collar_nor_tighter_than_the_minimum_spread(
    tops: list[tuple[int, int]], base_spread: float, min_spread_bps: float, volatility: float
) -> None:
    """Whatever the size of a tick. What stands may be beyond the collar: it is not asked for again."""
    settings = config(
        market_making={"base_spread": base_spread},
        pricing={"min_spread_bps": min_spread_bps, "adjustment_speed": 0},
    )
    core = QuoterCore(settings)
    targets(core, risk(), instrument(), signal(volatility_per_sqrt_s=volatility))
    before: set[tuple[str, int]] = set()
    for second, (bid, width) in enumerate(tops):
        mid = 2 * bid + width
        for target in targets(core, book(bid, bid + width, at=T0 + second * S)):
            sides = {("bid", each) for each in target.bid.prices} | {
                ("ask", each) for each in target.ask.prices
            }
            for _, price in sides - before:
                assert abs(2 * price - mid) * 50 <= mid
            if not sides & before and target.bid.prices and target.ask.prices:
                spread = target.ask.prices[0] - target.bid.prices[0]
                assert spread * 2 / mid * 10_000 >= min_spread_bps * (1 - 1e-9)
            before = sides


class TestRoom:
    """The account's limits, as the router states them."""

    @pytest.mark.parametrize(
        ("held", "lots_max", "said"),
        [
            (0, 500, ((9_990, 500), (10_010, 500))),
            (300, 500, ((9_990, 200), (10_010, 800))),
            (-300, 500, ((9_990, 800), (10_010, 200))),
            (900, 500, (None, (10_010, 1_400))),
        ],
    )
    def test_exposure_cuts_what_adds_and_leaves_what_reduces(
        self, held: int, lots_max: int, said: tuple[Any, Any]
    ) -> None:
        """At 900 of 500 the bid adds; the ask may sell until the position is 500 short."""
        result, because = quoted(config(), position(held), room(position_lots_max=lots_max))
        assert result == said
        if said[0] is None:
            assert because[0] == "EXPOSURE: risk_limits.max_exposure allows a position of 0.5"

    def test_balances_cut_each_side_by_its_own_currency(self) -> None:
        result, because = quoted(config(), room(buy_lots_max=700, sell_lots_max=0))
        assert result == ((9_990, 700), None)
        assert because[1] == "INSUFFICIENT_BALANCE: the account's balance covers 0"

    def test_a_limit_that_is_gone_gives_the_size_back(self) -> None:
        result, _ = quoted(config(), room(buy_lots_max=700), room(T0 + 2))
        assert result == ((9_990, 2_000), (10_010, 2_000))

    def test_without_messages_only_less_is_offered(self) -> None:
        core = quoting()
        targets(core, room(waits_for_messages=True))
        assert targets(core, book(10_099, 10_101, at=T0 + 2)) != []
        (target,) = targets(core, room(T0 + 3))
        assert quotes(target) == ((10_090 - 1, 2_000), (10_111, 2_000))

    def test_without_messages_nothing_new_is_stated(self) -> None:
        core = QuoterCore(config())
        (target,) = targets(core, *facts(), room(waits_for_messages=True), book())
        assert why_not(target) == ("MESSAGE_LIMIT: the message budget is used up",) * 2

    def test_what_the_gate_refused_waits_until_it_takes_its_word_back(self) -> None:
        refused = RefusedQuote(side="buy", price_ticks=9_990, target_sequence=1, codes=("PERCENT_PRICE",))
        core = QuoterCore(config())
        targets(core, *facts(), room(T0, refused=(refused,)))
        (target,) = targets(core, book())
        assert why_not(target) == ("PERCENT_PRICE: the gate refuses this price", None)
        hour_ns = 3_600 * S
        later = targets(core, book(at=T0 + hour_ns))
        assert [quotes(each)[0] for each in later] == [None] * len(later), "time alone changes nothing"
        (again,) = targets(core, room(T0 + hour_ns + 1))
        assert quotes(again)[0] == (9_990, 2_000)

    def test_another_price_than_the_refused_one_is_stated(self) -> None:
        refused = RefusedQuote(side="buy", price_ticks=9_990, target_sequence=1, codes=("PERCENT_PRICE",))
        core = QuoterCore(config())
        targets(core, *facts(), room(T0, refused=(refused,)), book())
        (target,) = targets(core, book(10_009, 10_011, at=T0 + 1))
        assert quotes(target)[0] == (9_999, 2_000)

    def test_room_in_the_units_of_another_contract_says_nothing(self) -> None:
        result, _ = quoted(config(), room(instrument_version=2, buy_lots_max=1))
        assert result[0] == (9_990, 2_000)


def test_at_five_times_the_largest_position_the_side_that_reduces_is_quoted() -> None:
    """511 lots of 100: no order may be larger than the largest position, so it is cut to that."""
    settings = config(risk_limits={"max_position": "0.1"})
    core = QuoterCore(settings)
    reducing = risk("REDUCE_ONLY", SOL, "MAX_POSITION")
    target = targets(core, risk(), instrument(), signal(), position(511, 1.0), reducing, book())[-1]
    assert quotes(target) == (None, (10_005, 100)), "leaned by 5 bps, as the inventory is full"
