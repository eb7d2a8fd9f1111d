"""Prints, walk-forward over recordings, what the default settings earn beside baselines and the models.

    python -m tests.bench.quotes [--fee-bps 0 1] [--parts 4] [--span-s S] [--models] [NAME ...]

A recording is cut into parts of equal time. In each part after the first a rule with settings to choose
from has those that earned most in the parts before; the default has none to choose. Earned is what fills
were worth 5 s later, less fees: the profit itself says more of where the market went. All meet the same fill
model (the simulated venue: queue, latency), fees, limits and sizes. Shown is what was earned 5 s and 60 s
after the fills, less fees, and both by unit of the account's drawdown, over all parts but the first.

`--span-s` plays only that much of each part; `--set section.key=value` is a setting over the default's, to
try one; NAME is a part of a recording's name.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from math import sqrt
from pathlib import Path
from typing import Any

import yaml
from quote_service.quoting.draft import draft_quote

from research.baselines import Draft, LiteralFormulas, PureMarketMaking, symmetric
from runtime.config.settings import load_config
from schemas.orders import Fill
from schemas.units import BPS_PER_UNIT, NS_PER_S
from tests.bench.quote_world import HEARTBEAT, Market, Outcome, markout, outcome

RECORDINGS = Path(__file__).resolve().parents[3] / "shared" / "data" / "normalised"
HORIZONS_S = (5.0, 60.0)
CHOSEN_BY_S = 5.0
DEFAULT = "default"
NEAR_TOUCH: dict[str, Any] = {
    "market_making": {"requote_threshold_bps": 0.1},
    "pricing": {"min_spread_bps": 0.1},
}
"""What is the same for all but the default: markets whose spread is a tick are quoted near it."""
SPREADS_BPS = (0.5, 2.0, 5.0, 12.0)
SIGNIFICANT = 2.0
"""Standard errors from which a mean is more than chance."""


@dataclass(frozen=True)
class Strategy:
    """A rule and one setting of it."""

    name: str
    setting: str
    config: dict[str, dict[str, Any]] = field(default_factory=dict)
    baseline: tuple[str, tuple[float, ...]] | None = None
    """By name, with its numbers: it has a state of its own in each part."""

    def draft(self) -> Draft:
        """What prices its quotes."""
        if self.baseline is None:
            return draft_quote
        name, numbers = self.baseline
        if name == "symmetric":
            return symmetric(*numbers)
        if name == "pmm":
            half_spread_bps, refresh_s = numbers
            return PureMarketMaking(half_spread_bps, refresh_s)
        return LiteralFormulas()


def strategies(models: bool, over: dict[str, dict[str, Any]]) -> Iterator[Strategy]:
    """All that are compared, with the settings to choose from."""
    yield Strategy(DEFAULT, "as it comes", over)
    yield Strategy("literal formulas", "", NEAR_TOUCH, ("literal", ()))
    for half in SPREADS_BPS:
        yield Strategy("fixed symmetric", f"half {half:g} bps", NEAR_TOUCH, ("symmetric", (half,)))
        for refresh in (10.0, 60.0):
            name = f"half {half:g} bps, refresh {refresh:g} s"
            yield Strategy("Hummingbot PMM", name, NEAR_TOUCH, ("pmm", (half, refresh)))
    if models:
        yield from _models()


def _models() -> Iterator[Strategy]:
    for half in SPREADS_BPS:
        making = {"base_spread": 2 * half / 1e4, "inventory_sensitivity": half / 1e4}
        tree = merged(NEAR_TOUCH, {"market_making": making})
        yield Strategy("vol_multiple", f"half {half:g} bps + sigma, lean a half", tree)
    for deviation in (0.1, 0.3):
        for model in ("glft", "glft_exact", "cartea_jaimungal"):
            settings = {"name": model, "inventory_deviation": deviation}
            yield Strategy(model, f"deviation {deviation:g}", merged(NEAR_TOUCH, {"model": settings}))
    for gamma in (1e-5, 1e-3):
        settings = {"name": "avellaneda_stoikov", "gamma": gamma, "horizon_s": 300}
        yield Strategy(
            "avellaneda_stoikov", f"gamma {gamma:g}, 300 s", merged(NEAR_TOUCH, {"model": settings})
        )


def merged(*trees: dict[str, Any]) -> dict[str, Any]:
    """Later values over earlier ones, by section."""
    result: dict[str, Any] = {}
    for tree in trees:
        for section, values in tree.items():
            result[section] = {**result.get(section, {}), **values}
    return result


@dataclass(frozen=True)
class Played:
    """One strategy in one part."""

    strategy: Strategy
    outcome: Outcome
    earned: dict[float, float]
    """By horizon, after fees."""


def played(market: Market, part: list[Any], strategy: Strategy) -> Played:
    """One strategy over one part of a market."""
    config = load_config((), merged(HEARTBEAT, strategy.config), {}).config
    found = outcome(market, part, config, strategy.draft())
    earned = {each: markout(market, found.fills, each) - found.fees for each in HORIZONS_S}
    return Played(strategy, found, earned)


@dataclass(frozen=True)
class Row:
    """One rule over all parts but the first, each with the setting chosen before it."""

    name: str
    settings: tuple[str, ...]
    fills: tuple[Fill, ...]
    profit: float
    drawdown: float
    earned: dict[float, float]
    mean_bps: dict[float, float | None]
    error_bps: dict[float, float | None]

    def per_drawdown(self, horizon_s: float) -> float:
        """0 where nothing was earned and nothing lost."""
        earned = self.earned[horizon_s]
        return earned / self.drawdown if self.drawdown else 0.0

    def as_json(self) -> dict[str, Any]:
        """Machine-readable form."""
        return {
            "rule": self.name,
            "settings": list(self.settings),
            "fills": len(self.fills),
            "profit": self.profit,
            "drawdown": self.drawdown,
            **{f"earned_{each:g}s": self.earned[each] for each in HORIZONS_S},
            **{f"per_drawdown_{each:g}s": self.per_drawdown(each) for each in HORIZONS_S},
            **{f"mean_bps_{each:g}s": self.mean_bps[each] for each in HORIZONS_S},
            **{f"error_bps_{each:g}s": self.error_bps[each] for each in HORIZONS_S},
        }


def walked(market: Market, found: list[list[Played]]) -> list[Row]:
    """`found`: by part, every strategy. A row for each rule."""
    names = dict.fromkeys(each.strategy.name for each in found[0])
    rows = []
    for name in names:
        own = [[each for each in part if each.strategy.name == name] for part in found]
        chosen = []
        for place in range(1, len(own)):
            before = [
                sum(part[number].earned[CHOSEN_BY_S] for part in own[:place]) for number in range(len(own[0]))
            ]
            chosen.append(own[place][before.index(max(before))])
        rows.append(_row(market, name, chosen))
    return rows


def _row(market: Market, name: str, chosen: list[Played]) -> Row:
    fills = tuple(fill for each in chosen for fill in each.outcome.fills)
    end = highest = drawdown = 0.0
    for each in chosen:
        found = each.outcome
        drawdown = max(drawdown, found.drawdown, highest - end - found.lowest)
        highest, end = max(highest, end + found.highest), end + found.end
    figures = {each: _mean_bps(market, fills, each) for each in HORIZONS_S}
    return Row(
        name,
        tuple(each.strategy.setting for each in chosen),
        fills,
        end,
        drawdown,
        {horizon: sum(each.earned[horizon] for each in chosen) for horizon in HORIZONS_S},
        {horizon: mean for horizon, (mean, _) in figures.items()},
        {horizon: error for horizon, (_, error) in figures.items()},
    )


def _mean_bps(market: Market, fills: tuple[Fill, ...], horizon_s: float) -> tuple[float | None, float | None]:
    """Mean markout before fees, by notional, and its standard error over the minutes with fills: fills of one
    minute share a move.
    """
    if not fills:
        return None, None
    money = float(market.instrument.money_per_tick_lot)
    gained: dict[int, float] = {}
    values: dict[int, float] = {}
    for fill in fills:
        minute = fill.event_time_ns // (60 * NS_PER_S)
        gained[minute] = gained.get(minute, 0.0) + BPS_PER_UNIT * markout(market, (fill,), horizon_s)
        values[minute] = values.get(minute, 0.0) + fill.price_ticks * fill.size_lots * money
    whole, count = sum(values.values()), len(values)
    mean = sum(gained.values()) / whole
    if count == 1:
        return mean, None
    squares = sum((gained[minute] - mean * values[minute]) ** 2 for minute in values)
    return mean, sqrt(squares * count / (count - 1)) / whole


def ahead(rows: list[Row]) -> list[str]:
    """For each rule that the default is not ahead of by a horizon: which, and why."""
    (default,) = (each for each in rows if each.name == DEFAULT)
    return [
        f"not ahead of {row.name} at {horizon:g} s: {_why(row, default, horizon)}"
        for horizon in HORIZONS_S
        for row in rows
        if row.per_drawdown(horizon) > default.per_drawdown(horizon)
    ]


def _why(row: Row, default: Row, horizon: float) -> str:
    mean, error = row.mean_bps[horizon], row.error_bps[horizon]
    if mean is None:
        lost = default.mean_bps[horizon] or 0.0
        return f"it was never filled; the default's {len(default.fills)} fills moved {lost:.2f} bps"
    said = f"its {len(row.fills)} fills earned {mean:.2f}{'' if error is None else f' +- {error:.2f}'} bps"
    if error is None or abs(mean) < SIGNIFICANT * error:
        said += " within a minute" if error is None else ""
        said += ", which may be chance"
    if not default.fills:
        return f"{said}; the default was never filled, its quotes being wider"
    own, own_error = default.mean_bps[horizon], default.error_bps[horizon]
    return f"{said}; the default's {len(default.fills)} {own:.2f}" + (
        "" if own_error is None else f" +- {own_error:.2f}"
    )


def table(rows: list[Row]) -> str:
    """One line a rule, the best at 5 s first."""
    heads = [f"{name} {each:g} s" for each in HORIZONS_S for name in ("earned", "per dd.", "bps")]
    out = [
        f"{'rule':20}{'fills':>7}{'profit':>10}{'drawdown':>10}" + "".join(f"{each:>17}" for each in heads)
    ]
    for row in sorted(rows, key=lambda row: -row.per_drawdown(HORIZONS_S[0])):
        cells = [f"{row.name:20}{len(row.fills):7}{row.profit:10.2f}{row.drawdown:10.2f}"]
        for each in HORIZONS_S:
            mean, error = row.mean_bps[each], row.error_bps[each]
            said = "-" if mean is None else f"{mean:.2f}" + ("" if error is None else f" +- {error:.2f}")
            cells.append(f"{row.earned[each]:17.2f}{row.per_drawdown(each):17.2f}{said:>17}")
        out.append("".join(cells) + "  " + "; ".join(dict.fromkeys(row.settings)))
    return "\n".join(out)


def compared(path: Path, fee_bps: float, options: argparse.Namespace) -> dict[str, Any]:
    """All rules on one recording; printed, and as figures."""
    market = Market.of(path, load_config((), HEARTBEAT, {}).config, fee_bps)
    parts = market.parts(options.parts, options.span_s)
    each = list(strategies(options.models, options.over))
    rows = walked(market, [[played(market, part, strategy) for strategy in each] for part in parts])
    behind = ahead(rows)
    said = "\n".join(behind) if behind else "the default is ahead of all, or level with them"
    print(f"\n{market.name}, maker fee {fee_bps:g} bps\n{table(rows)}\n{said}", flush=True)
    return {
        "recording": market.name,
        "fee_bps": fee_bps,
        "rows": [row.as_json() for row in rows],
        "behind": behind,
    }


def settings_of(given: list[str]) -> dict[str, dict[str, Any]]:
    """`section.key=value` as a tree."""
    found: dict[str, dict[str, Any]] = {}
    for each in given:
        place, _, value = each.partition("=")
        section, _, key = place.partition(".")
        found.setdefault(section, {})[key] = yaml.safe_load(value)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--fee-bps", type=float, nargs="+", default=[0.0, 1.0])
    parser.add_argument("--parts", type=int, default=4)
    parser.add_argument("--span-s", type=float)
    parser.add_argument("--models", action="store_true")
    parser.add_argument("--set", action="append", default=[], dest="given")
    parser.add_argument("--json", type=Path)
    parser.add_argument("names", nargs="*")
    options = parser.parse_args()
    options.over = settings_of(options.given)
    paths = [
        path
        for path in sorted(RECORDINGS.glob("*.jsonl.gz"))
        if not options.names or any(name in path.name for name in options.names)
    ]
    if not paths:
        sys.exit(f"{RECORDINGS} holds no recording that is called {' or '.join(options.names) or 'anything'}")
    shown = [compared(path, fee, options) for path in paths for fee in options.fee_bps]
    count = sum(not each["behind"] for each in shown)
    print(f"\nahead or level on {count} of {len(shown)}")
    if options.json is not None:
        options.json.write_text(json.dumps(shown, indent=1) + "\n")


if __name__ == "__main__":
    main()
