"""How an inventory is brought back to its target: by stages of urgency and cost."""

from dataclasses import dataclass
from typing import NamedTuple

from inventory_service.core.bias import Rebalance
from schemas.balance_settings import Balance, BalanceStage
from schemas.balancing import BalanceOrder
from schemas.market import Instrument
from schemas.message import Side
from schemas.units import NS_PER_S, bps

NOTHING = Rebalance("none", 0, 0.0)
VALID_NS = 3 * NS_PER_S
"""Decisions are renewed every second: one that is not must not be acted on."""


class Spread(NamedTuple):
    """The market's spread and mid, in ticks and half ticks of the contract in force."""

    spread_ticks: int
    mid_half_ticks: int


class DueTrade(NamedTuple):
    """What is to be traded, and how far it may go."""

    back: Rebalance
    own: Balance
    flattens: bool = False
    """A person wants nothing held."""


@dataclass(slots=True)
class Balancer:
    """What was last decided for one symbol."""

    stage: BalanceStage = "lean"
    sequence: int = 0
    is_flattened: bool = False
    """A person wants the position closed: it is reduced by taking, whatever is configured, until it is."""

    def trade_due(
        self, position_lots: int, back: Rebalance, own: Balance, *, flattens: bool, is_halted: bool
    ) -> DueTrade:
        """The trade to bring about: to close a position is as urgent as can be; a halt forbids any other."""
        self.is_flattened = self.is_flattened and position_lots != 0
        if not flattens:
            return DueTrade(NOTHING if is_halted else back, own)
        if not position_lots:
            return DueTrade(NOTHING, own, flattens=is_halted)
        closing = Rebalance("sell" if position_lots > 0 else "buy", abs(position_lots), 1.0)
        return DueTrade(closing, own.model_copy(update={"stage_max": "take"}), flattens=True)

    def decide(
        self, trade: DueTrade, market: Spread | None, contract: Instrument, now_ns: int
    ) -> BalanceOrder | None:
        """The decision to publish; None while leaning is all, and was before."""
        back = trade.back
        cost_bps = None if market is None else taking_cost_bps(market, contract)
        stage = stage_of(back, cost_bps, trade.own)
        if stage == self.stage == "lean":
            return None
        self.stage = stage
        self.sequence += 1
        side: Side = "sell" if back.action == "sell" else "buy"
        return BalanceOrder(
            event_time_ns=now_ns,
            venue=contract.venue,
            symbol=contract.symbol,
            instrument_version=contract.version,
            sequence=self.sequence,
            stage=stage,
            side=side,
            size_lots=back.size_lots,
            urgency=back.urgency,
            cost_bps=cost_bps or 0.0,
            valid_until_ns=now_ns + VALID_NS,
            flattens=trade.flattens,
            held_back="" if stage == "take" else held_back(back, cost_bps, trade.own),
        )


def held_back(back: Rebalance, cost_bps: float | None, own: Balance) -> str:
    """Why nothing is taken though it is urgent enough; empty: it is not, or not configured."""
    if own.stage_max != "take" or back.action == "none" or back.urgency < own.urgency_take:
        return ""
    if cost_bps is None:
        return "the market has no live book"
    return f"taking costs {cost_bps:.4g} bps, balance.cost_bps_max is {own.cost_bps_max:g}"


def taking_cost_bps(market: Spread, contract: Instrument) -> float:
    """Half the spread and the taker fee, of the mid."""
    return bps(market.spread_ticks, market.mid_half_ticks) + float(contract.taker_fee_bps)


def stage_of(back: Rebalance, cost_bps: float | None, own: Balance) -> BalanceStage:
    """The furthest stage that is configured, urgent enough, and not too expensive."""
    if back.action == "none" or own.stage_max == "lean":
        return "lean"
    is_cheap = cost_bps is not None and cost_bps <= own.cost_bps_max
    if own.stage_max == "take" and back.urgency >= own.urgency_take and is_cheap:
        return "take"
    return "touch" if back.urgency >= own.urgency_touch else "lean"
