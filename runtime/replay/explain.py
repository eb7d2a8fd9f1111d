"""A quote target for display: decimals instead of ticks, and every step from fair value to tick."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from runtime.text import iso_time
from schemas.balancing import BalanceOrder
from schemas.market import Instrument
from schemas.message import Side
from schemas.quoting import QuoteSide, QuoteTarget
from schemas.units import from_units


def explain_target(
    target: QuoteTarget, instrument: Instrument | None, denied: Mapping[Side, Sequence[str]] | None = None
) -> dict[str, Any]:
    """The target as `maker why` and the gateway show it; without an instrument, prices stay None.

    `denied`: by side, the codes of the gate that denied an order for it.
    `price_after` of a step is a model price, so a float; `price` and `size` are exact decimal strings.
    """
    return {
        "symbol": target.symbol,
        "venue": target.venue,
        "time": iso_time(target.event_time_ns),
        "sequence": target.sequence,
        "model": target.model,
        "model_because": target.model_because,
        "bid": explain_side(target.bid, instrument) | {"gate": _word("buy", denied)},
        "ask": explain_side(target.ask, instrument) | {"gate": _word("sell", denied)},
    }


def explain_balancing(
    decision: BalanceOrder | None, instrument: Instrument | None, now_ns: int
) -> dict[str, Any] | None:
    """What the balancer does beyond leaning; None: nothing."""
    if decision is None or now_ns > decision.valid_until_ns:
        return None
    if decision.stage == "lean" and not decision.flattens:
        return None
    lot = Decimal(0) if instrument is None else instrument.lot_size
    return {
        "stage": decision.stage,
        "side": decision.side,
        "size": f"{from_units(decision.size_lots, lot):f}",
        "urgency": decision.urgency,
        "cost_bps": decision.cost_bps,
        "held_back": decision.held_back or None,
        "flattens": decision.flattens,
    }


def _word(side: Side, denied: Mapping[Side, Sequence[str]] | None) -> str | None:
    """What the gate said last: None where it denied nothing."""
    found = (denied or {}).get(side)
    return None if found is None else f"denied: {', '.join(found)}"


PRICE_INPUTS = frozenset({"fair_value", "post_only", "tick_rounding", "price_collar"})
"""Steps whose input is a price: shown as one, not in ticks."""


def explain_side(side: QuoteSide, instrument: Instrument | None) -> dict[str, Any]:
    """One side: its levels, best first, and the steps that led to the best one."""
    tick = Decimal(0) if instrument is None else instrument.tick_size
    levels = [] if instrument is None else _levels(side, instrument)
    best = levels[0] if levels else {"price": None, "size": None}
    return {
        "price": best["price"],
        "size": best["size"],
        "levels": levels,
        "steps": [
            {
                "name": step.name,
                "input": _price(step.input, tick) if step.name in PRICE_INPUTS else step.input,
                "effect_bps": step.effect_bps,
                "config_key": step.config_key,
                "price_after": _price(step.price_after, tick),
            }
            for step in side.steps
        ],
        "not_quoting_because": side.not_quoting_because,
    }


def _price(ticks: float, tick_size: Decimal) -> float:
    """Multiplied as decimals: 3 ticks of 0.1 are 0.3, not 0.30000000000000004."""
    return float(Decimal(repr(ticks)) * tick_size)


def _levels(side: QuoteSide, instrument: Instrument) -> list[dict[str, str]]:
    return [
        {
            "price": f"{from_units(price, instrument.tick_size):f}",
            "size": f"{from_units(size, instrument.lot_size):f}",
        }
        for price, size in zip(side.prices, side.sizes, strict=True)
    ]
