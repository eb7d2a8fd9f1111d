"""What the order router's gate would refuse is not stated as a quote."""

from typing import Any

import pytest
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

REST_NS = 10 * S


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

    def test_a_side_rests_once_its_price_was_refused(self) -> None:
        """Volatility of 10 bps adds 10 ticks to each side: refused. It is quoted again 10 s after the last
        price that would have been refused, however often the volatility changes."""
        core = QuoterCore(config(market_making={"base_spread": 0.039}))
        targets(core, *facts(), book())
        moving, calm = signal(volatility_per_sqrt_s=0.001), signal()
        (gone,) = targets(core, moving, book(at=T0 + S))
        assert quotes(gone) == (None, None)
        for second in range(2, 12):
            refreshed = targets(core, moving if second == 5 else calm, book(at=T0 + second * S))
            assert all(quotes(each) == (None, None) for each in refreshed)
        (back,) = targets(core, calm, book(at=T0 + 5 * S + REST_NS))
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

    def test_what_the_gate_refused_waits(self) -> None:
        refused = RefusedQuote(side="buy", price_ticks=9_990, target_sequence=1, codes=("PERCENT_PRICE",))
        core = QuoterCore(config())
        targets(core, *facts(), room(T0, refused=(refused,)))
        (target,) = targets(core, book())
        assert why_not(target) == ("PERCENT_PRICE: the gate refused this price", None)
        (again,) = [each for each in targets(core, book(at=T0 + 2 * REST_NS)) if each.bid.prices]
        assert quotes(again)[0] == (9_990, 2_000)

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
