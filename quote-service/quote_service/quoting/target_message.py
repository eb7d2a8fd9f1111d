"""Builds the quote target message and the model inputs from one symbol's state."""

from quote_service.quoting.draft import QuoteDraft
from quote_service.quoting.explain.steps import PRICE_COLLAR, RawStep, quote_steps, step_fields
from quote_service.quoting.ladder.levels import DraftSide
from quote_service.quoting.models.answer import ModelFacts
from quote_service.quoting.models.vol_multiple import NAME as VOL_MULTIPLE
from quote_service.quoting.spread import PricedQuote
from quote_service.quoting.symbol_state import QuotedSymbol
from schemas.message import Side
from schemas.quoting import QuoteSide, QuoteTarget
from schemas.signals import Signal
from schemas.units import BPS_PER_UNIT


def model_facts(state: QuotedSymbol, signal: Signal, now_ns: int) -> ModelFacts:
    """The model inputs of a symbol, without sizes, which are computed later."""
    instrument, position = state.instrument, state.position
    is_ready = signal.arrival_ready
    return ModelFacts(
        arrival_rate_per_s=signal.arrival_rate_per_s if is_ready else None,
        arrival_decay_per_tick=signal.arrival_decay_per_tick if is_ready else None,
        fee_bps=0.0 if instrument is None else float(instrument.maker_fee_bps),
        adverse_bid_bps=0.0 if position is None else position.adverse_bid_bps or 0.0,
        adverse_ask_bps=0.0 if position is None else position.adverse_ask_bps or 0.0,
        jump_volatility_bps=signal.jump_volatility_per_sqrt_s * BPS_PER_UNIT,
        money_per_tick_lot=1.0 if instrument is None else float(instrument.money_per_tick_lot),
        taker_depths=state.bursts.in_force(now_ns),
        front_shares=(state.fronts[0].share, state.fronts[1].share),
        now_ns=now_ns,
    )


def model_of(draft: QuoteDraft) -> tuple[str, str | None]:
    """The model in force, and why it is not the configured one; before any price, what would be used."""
    return (VOL_MULTIPLE, None) if draft.priced is None else draft.priced.answer[:2]


def side_message(side: DraftSide, priced: PricedQuote | None, name: Side) -> QuoteSide:
    """A side in published form, with the steps of its price."""
    steps = [] if priced is None else quote_steps(priced, name)
    if steps and side.prices and side.urgency is not None:
        steps.append(RawStep("balance", side.urgency, "balance.stage_max", float(side.prices[0])))
    if steps and side.prices and side.refused_ticks is not None:
        steps.append(RawStep(PRICE_COLLAR, side.refused_ticks, "routing.price_collar", float(side.prices[0])))
    fields = {
        "prices": side.prices,
        "sizes": side.sizes,
        "steps": step_fields(steps) if steps else (),
        "not_quoting_because": side.reason,
    }
    return QuoteSide.model_validate(fields)  # validating side and steps in one call halves the time


def side_of(target: QuoteTarget, name: Side) -> QuoteSide:
    """One side of a target."""
    return target.bid if name == "buy" else target.ask
