"""The unit of every parameter, for tables, API and page."""

from collections.abc import Mapping

_UNIT_OF_WORD: Mapping[str, str] = {
    "bps": "bps",
    "ms": "milliseconds",
    "s": "seconds",
    "ticks": "ticks",
    "utc": "HH:MM, UTC",
    "levels": "levels",
    "factor": "multiple",
    "factors": "multiples",
    "multiplier": "multiple",
    "share": "fraction",
    "fraction": "fraction",
    "sigma": "standard deviations",
    "sigmas": "standard deviations",
    "deviations": "standard deviations",
}
"""Units by a word of the name; the first match counts."""
_UNITS: Mapping[str, str] = {
    "market_making.update_frequency": "seconds",
    "pricing.skew_half_spreads_max": "half-spreads",
    "pricing.emergency_volume_ratio": "multiple of a side's depth",
    "pricing.order_inventory_share_max": "part of the maximum inventory",
    "pricing.reference_market": "venue:symbol",
    "model.gamma": "1/quote currency",
    "model.arrival_rate_per_s": "1/s a side",
    "model.arrival_decay_per_bps": "1/bps",
    "micro_price.imbalance_edges": "share of the bid",
    "shape.price_floor": "price",
    "shape.price_ceiling": "price",
    "shape.band_below": "fraction",
    "shape.band_above": "fraction",
    "shape.position_min": "base units",
    "shape.position_max": "base units",
    "shape.inventory_sizing_eta": "number",
    "shape.loss_budget": "reporting currency",
    "reaction.burst_depths": "depths of a side",
    "reaction.burst_widening": "multiple",
    "inventory.target_notional": "reporting currency",
    "inventory.target_share": "fraction",
    "inventory.opening_positions": "base units, or contracts; price in quote currency",
    "inventory.reserved": "of each currency",
    "market_data.symbols_max": "symbols",
    "market_data.toxicity_buckets": "buckets",
    "market_data.volatility.slow_samples": "samples",
    "market_data.volatility.regime_hysteresis": "fraction",
    "risk_limits.loss_halt_at": "multiple of a limit",
    "risk_limits.repeat_fills_same_side": "orders",
    "risk_limits.repeat_fills_any_side": "orders",
    "routing.order_size_max": "base units",
    "routing.permitted": "venue:symbol",
    "routing.messages_per_10s": "messages in 10 s",
    "routing.messages_per_10s_symbol": "messages in 10 s",
    "routing.size_up_tolerance": "fraction",
    "protection.fill_quantity_max": "multiple of the quote",
    "protection.fill_delta_max": "multiple of the quote",
    "protection.trips_max": "freezes",
    "protection.quote_move_max": "fraction",
    "protection.post_only_tries": "tries",
    "protection.price_repeats_max": "orders a second",
    "venue.queue_power": "exponent",
    "reporting.currency": "currency",
    "reporting.rates": "reporting currency",
    "reporting.capital": "reporting currency",
}


def unit_of(key: str) -> str | None:
    """The unit of a dotted account-wide key; None where nothing names it, as for a choice of words."""
    if key in _UNITS:
        return _UNITS[key]
    words = key.rpartition(".")[2].split("_")
    return next((unit for word, unit in _UNIT_OF_WORD.items() if word in words), None)
