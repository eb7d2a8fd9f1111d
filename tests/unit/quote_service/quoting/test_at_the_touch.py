"""The reducing side at the market's best price, where the balancer wants that."""

from typing import Any

import pytest
from quote_service.quoting.quoter import QuoterCore

from schemas.balancing import BalanceOrder
from tests.kit import messages as kit
from tests.kit.messages import T0, S
from tests.unit.quote_service.quoting.builders import SOL, book, config, facts, quotes, quoting, targets


def wanted(**fields: Any) -> BalanceOrder:
    defaults: dict[str, Any] = {
        "sequence": 1, "stage": "touch", "side": "sell", "size_lots": 5, "urgency": 0.5, "cost_bps": 1.0,
        "valid_until_ns": T0 + 3 * S,
    }  # fmt: skip
    return BalanceOrder(**{**kit.named(SOL, T0), **defaults, **fields})


@pytest.mark.parametrize(
    ("side", "said"),
    [("sell", ((9_990, 2_000), (10_001, 2_000))), ("buy", ((9_999, 2_000), (10_010, 2_000)))],
)
def test_the_reducing_side_is_at_the_touch_and_the_step_says_so(side: Any, said: Any) -> None:
    (target,) = targets(quoting(), wanted(side=side))
    assert quotes(target) == said
    reducing = target.ask if side == "sell" else target.bid
    assert (reducing.steps[-1].name, reducing.steps[-1].input) == ("balance", 0.5)
    assert reducing.steps[-1].price_after == reducing.prices[0]
    other = target.bid if side == "sell" else target.ask
    assert other.steps[-1].name != "balance"


@pytest.mark.parametrize("side", ["buy", "sell"])
def test_while_the_balancer_takes_the_other_side_is_not_quoted(side: Any) -> None:
    """Our own order would be in the way of what is taken, and its fills would undo it."""
    core = quoting()
    (target,) = targets(core, wanted(side=side, stage="take"))
    reducing, growing = (target.bid, target.ask) if side == "buy" else (target.ask, target.bid)
    assert (growing.prices, growing.not_quoting_because) == (
        (),
        f"BALANCING: the balancer is taking to {side}",
    )
    assert reducing.steps[-1].name == "balance"
    (back,) = targets(core, book(at=T0 + 4 * S))
    assert back.bid.prices
    assert back.ask.prices


@pytest.mark.parametrize("fields", [{"stage": "lean"}, {"instrument_version": 2}, {"valid_until_ns": T0 - 1}])
def test_what_asks_for_nothing_or_is_over_changes_nothing(fields: dict[str, Any]) -> None:
    assert targets(quoting(), wanted(**fields)) == []


def test_it_goes_back_once_the_decision_has_expired() -> None:
    core = quoting()
    targets(core, wanted())
    (back,) = targets(core, book(at=T0 + 4 * S))
    assert quotes(back) == ((9_990, 2_000), (10_010, 2_000))


def test_a_quote_that_is_better_than_the_touch_stays() -> None:
    core = QuoterCore(config())
    (target,) = targets(core, *facts(), wanted(), book(9_950, 10_050))
    assert quotes(target)[1] == (10_010, 2_000)
