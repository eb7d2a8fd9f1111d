"""Every trading parameter as a table: meaning, unit, bounds, and whether it can be changed live."""

from collections.abc import Iterator, Mapping
from typing import Any

from schemas.config import Config
from schemas.live_settings import LIVE_SETTINGS, SYMBOL_SETTINGS
from schemas.setting_units import unit_of

SECTIONS = (
    *(
        "market_making",
        "pricing",
        "model",
        "micro_price",
        "alpha",
        "shape",
        "reaction",
        "inventory",
        "market_data",
    ),
    *("risk_limits", "routing", "protection", "venue", "reporting"),
)
_PEERS: Mapping[str, str] = {
    "market_making.base_spread": "HB bid_spread + ask_spread",
    "market_making.inventory_sensitivity": "HB inventory_skew_enabled; HF skew",
    "market_making.update_frequency": "HB order_refresh_time",
    "market_making.requote_threshold_bps": "HB order_refresh_tolerance_pct; BX RELIST_INTERVAL",
    "pricing.fair_value": "HB price_type; KR fv",
    "pricing.reference_market": "HB price_source_exchange; OC reference exchange",
    "pricing.min_spread_bps": "HB minimum_spread; KR width",
    "pricing.min_edge_bps": "HB min_profitability",
    "model.name": "HB strategy; HF glft",
    "model.gamma": "HB risk_factor; HF gamma",
    "model.arrival_rate_per_s": "HF A; HB alpha",
    "model.arrival_decay_per_bps": "HF k; HB kappa",
    "model.session_close_utc": "HB execution_timeframe",
    "shape.levels": "HB order_levels; BX ORDER_PAIRS",
    "shape.level_step_bps": "HB order_level_spread; BX INTERVAL",
    "shape.level_size_factor": "HB order_level_amount; BX ORDER_STEP_SIZE",
    "shape.bid_level_offsets_bps": "HB bid_order_level_spreads",
    "shape.ask_level_offsets_bps": "HB ask_order_level_spreads",
    "shape.bid_level_size_factors": "HB bid_order_level_amounts",
    "shape.ask_level_size_factors": "HB ask_order_level_amounts",
    "shape.bid_spread_factor": "HB bid_spread",
    "shape.ask_spread_factor": "HB ask_spread",
    "shape.price_floor": "HB price_floor",
    "shape.price_ceiling": "HB price_ceiling",
    "shape.band_below": "HB price_floor_pct",
    "shape.band_above": "HB price_ceiling_pct",
    "shape.band_refresh_s": "HB price_band_refresh_time",
    "shape.position_min": "BX MIN_POSITION",
    "shape.position_max": "BX MAX_POSITION",
    "shape.inventory_sizing_eta": "HB eta",
    "shape.narrow_after_ms": "TB 300 ms",
    "shape.price_age_max_s": "HB max_order_age",
    "shape.filled_order_delay_ms": "HB filled_order_delay",
    "shape.hanging": "HB hanging_orders_enabled",
    "shape.hanging_distance_max_bps": "HB hanging_orders_cancel_pct",
    "inventory.target_inventory": "HB inventory_target_base_pct; KR targetBasePosition",
    "inventory.max_inventory": "HB inventory_range_multiplier; KR positionDivergence",
    "risk_limits.max_loss": "HB kill_switch_rate",
    "risk_limits.max_drawdown": "HB kill_switch_rate",
    "market_data.volatility.half_life_s": "HB volatility_buffer_size; HF window",
    "protection.freeze_ms": "KR tradesPerMinute",
}
_LEGEND = """# Parameters

The trading parameters, generated from the code by `make docs`. The rest (`feed`, `exchange`, `gateway`,
`kafka` and so on) is in `maker config show`, and everything in `maker config schema`. The quoting sections
`market_making`, `pricing`, `model`, `micro_price`, `alpha` and `shape`, the targets and limits of
`inventory`, and position, notional and loss in `risk_limits` can be overridden per symbol:
`per_symbol.SYMBOL.SECTION.NAME`.

*live*: can be changed while the engine runs, on the page or over HTTP, for all symbols or, where it can be
overridden, for one; *live per symbol*: for one alone; *two*: loosening it takes two people; *restart*: change
the file and restart. Peers: HB Hummingbot, HF hftbacktest's examples, KR
Krypto-trading-bot, TB tribeca, OC OctoBot, BX BitMEX sample-market-maker; the closest equivalent, not always
identical.
"""


def parameter_tables() -> str:
    """Markdown, one table per section."""
    schema = Config.model_json_schema()
    parts = [_LEGEND]
    for section in SECTIONS:
        parts.append(f"\n## {section}\n\n| name | unit | default | bounds | change | meaning | peers |")
        parts.append("|---|---|---|---|---|---|---|")
        parts += [_row(key, field) for key, field in _fields(schema, section)]
    return "\n".join(parts)


def _fields(schema: Mapping[str, Any], section: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Every parameter of a section, by its dotted key."""

    def walk(reference: str, prefix: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
        for name, field in schema["$defs"][reference.rpartition("/")[2]]["properties"].items():
            if "$ref" in field and "properties" in schema["$defs"][field["$ref"].rpartition("/")[2]]:
                yield from walk(field["$ref"], f"{prefix}{name}.")
            else:
                yield prefix + name, field

    return walk(schema["properties"][section]["$ref"], f"{section}.")


def _row(key: str, field: Mapping[str, Any]) -> str:
    default = field.get("default")
    shown = "none" if default is None or default == [] else str(default).lower()
    meaning = " ".join(field.get("description", "").split()).replace("|", "\\|")
    name = f"`{key.partition('.')[2]}`"
    cells = name, _unit(key, field), shown, _bounds(field), _change(key), meaning, _PEERS.get(key, "")
    return f"| {' | '.join(cells)} |"


def _unit(key: str, field: Mapping[str, Any]) -> str:
    """Raises KeyError for a parameter without a known unit."""
    if key in LIVE_SETTINGS:
        return LIVE_SETTINGS[key].unit
    if "enum" in field or field.get("type") == "boolean":
        return ""
    unit = unit_of(key)
    if unit is None:
        raise KeyError(f"{key} has no unit: add it in schemas/setting_units.py")
    return unit


def _bounds(field: Mapping[str, Any]) -> str:
    if "enum" in field:
        return ", ".join(map(str, field["enum"]))
    if field.get("type") == "boolean":
        return "true, false"
    rules = next((each for each in field.get("anyOf", ()) if each.get("type") != "null"), field)
    rules = rules.get("items", rules)
    marks = {"minimum": ">=", "exclusiveMinimum": ">", "maximum": "<=", "exclusiveMaximum": "<"}
    return ", ".join(f"{mark} {rules[name]:g}" for name, mark in marks.items() if name in rules)


def _change(key: str) -> str:
    live = LIVE_SETTINGS.get(key)
    if live is None:
        return "live per symbol" if key in SYMBOL_SETTINGS else "restart"
    return "live" if live.tighter is None else "live, two"
