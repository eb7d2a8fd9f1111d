"""`maker calibrate`: A and k of a recording or a log, in market units."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import exp
from pathlib import Path
from typing import Any

import yaml
from monitor_service.core.arrival_law import ArrivalLaw

from research.calibration.adverse import HORIZON_S
from research.calibration.fit import Calibration, calibrate
from research.calibration.micro_plot import micro_price_plot
from research.calibration.microprice import MicroPriceTable, TopOfBook, fit_micro_price
from research.calibration.orders import OrdersSeen, orders_of
from research.calibration.plot import Point, intensity_plot
from research.calibration.source import market_of
from runtime.config.settings import load_config
from runtime.errors import ConfigError
from schemas.market import Book
from schemas.refusals import RefusalTally
from schemas.units import BPS_PER_UNIT

_LINE_POINTS = 60


@dataclass(frozen=True, slots=True)
class CalibrationReport:
    """The command's output: prices in quote currency, times in seconds."""

    symbol: str
    seen: OrdersSeen
    found: Calibration

    @property
    def tick(self) -> float:
        """Quote currency."""
        return float(self.seen.instrument.tick_size) if self.seen.instrument else 1.0

    @property
    def tick_bps(self) -> float:
        """Of the mean mid."""
        return BPS_PER_UNIT / self.seen.mid_ticks

    def as_json(self) -> dict[str, Any]:
        """Machine-readable form: k in 1/price and also per bps of distance."""
        found = self.found
        return {
            "symbol": self.symbol,
            **self.seen.refused.as_json(),
            "window_s": found.window_s,
            "orders": len(self.seen.orders),
            "mid": self.seen.mid_ticks * self.tick,
            "half_spread": self.seen.half_spread / 2 * self.tick,
            **self._law(found.poisson),
            "errors": self._law(found.error),
            "not_fitted_because": found.because,
            **self._edge(),
            "log_linear": self._law(found.log_linear),
            "from_depths": self._law(found.depths),
            "discrete": self._law(found.discrete),
            "buys": self._law(found.buys),
            "sells": self._law(found.sells),
            "distances": [
                {
                    "distance": cell.distance * self.tick,
                    "distance_bps": cell.distance * self.tick_bps,
                    "orders": cell.count,
                    "rate_per_s": cell.count / (2 * found.window_s),
                    "fitted_per_s": _rate(found.poisson, cell.distance),
                }
                for cell in found.cells
            ],
        }

    def _edge(self) -> dict[str, float | bool | None]:
        """1/k, all that a fill earns at best, beside what it costs; bps."""
        law, adverse = self.found.poisson, self.seen.adverse
        fee_bps = float(self.seen.instrument.maker_fee_bps) if self.seen.instrument else 0.0
        distance_bps = None if law is None else self.tick_bps / law.k
        cost_bps = None if adverse.mean_bps is None else fee_bps + max(adverse.mean_bps, 0.0)
        return {
            "fill_distance_bps": distance_bps,
            "fee_bps": fee_bps,
            "adverse_bps": adverse.mean_bps,
            "adverse_error_bps": adverse.error_bps,
            "pays": None if distance_bps is None or cost_bps is None else distance_bps >= cost_bps,
        }

    def _edge_line(self, fields: dict[str, Any]) -> str:
        """Whether a model of arrival pays here."""
        said = f"1/k is {fields['fill_distance_bps']:.4g} bps"
        adverse, error = fields["adverse_bps"], fields["adverse_error_bps"]
        if fields["pays"] is None:
            return f"{said}; no mid {HORIZON_S} s after an order is known to compare it with"
        shown = f"{adverse:.3g}" if error is None else f"{adverse:.3g} +- {error:.2g}"
        cost = f"fee {fields['fee_bps']:g} and adverse move {shown} bps {HORIZON_S} s after an order"
        if fields["pays"]:
            return f"{said}, at least {cost}: glft pays"
        return f"{said}, less than {cost}: do not choose glft; it would be quoted 1/k beyond both"

    def _law(self, law: ArrivalLaw | None) -> dict[str, float | None]:
        if law is None:
            return {"A": None, "k": None, "k_per_bps": None}
        return {"A": law.A, "k": law.k / self.tick, "k_per_bps": law.k / self.tick_bps}

    def as_text(self) -> str:
        """Readable form, with the settings that fix the law."""
        fields = self.as_json()
        lines = [
            f"{self.symbol}: {fields['orders']} market orders in {fields['window_s']:.0f} s at a mean mid of "
            f"{fields['mid']:.10g}, half-spread {fields['half_spread']:.6g}",
            *self.seen.refused.lines(self.symbol),
        ]
        if self.found.poisson is None:
            lines.append(f"no fit: {self.found.because}")
        else:
            lines += [_estimate("A and k (Poisson)", fields, fields["errors"]), *self._others(fields)]
        lines.append(f"{'distance':>14} {'bps':>9} {'orders':>8} {'rate 1/s':>10} {'fitted':>10}")
        lines += [_row(row) for row in fields["distances"]]
        if self.found.poisson is not None:
            lines.append(self._edge_line(fields))
            law = f"arrival_rate_per_s: {fields['A']:.6g}, arrival_decay_per_bps: {fields['k_per_bps']:.6g}"
            lines.append(f"model: {{{law}}}")
        return "\n".join(lines)

    def _others(self, fields: dict[str, Any]) -> list[str]:
        names = {
            "log_linear": "by least squares",
            "from_depths": "from single depths",
            "discrete": "from whole ticks",
            "buys": "buys alone",
            "sells": "sells alone",
        }
        return [_estimate(words, fields[name], None) for name, words in names.items() if fields[name]["A"]]

    def plot(self) -> str:
        """The fit as SVG. Raises ConfigError where there is none."""
        law, found = self.found.poisson, self.found
        if law is None:
            raise ConfigError(f"there is no fit to draw: {found.because}")
        points = [
            Point(cell.distance * self.tick_bps, cell.count / (2 * found.window_s), cell.count)
            for cell in found.cells
        ]
        reach = found.cells[-1].distance
        line = [
            (reach * index / _LINE_POINTS * self.tick_bps, law.A * exp(-law.k * reach * index / _LINE_POINTS))
            for index in range(_LINE_POINTS + 1)
        ]
        title = f"{self.symbol}: A = {law.A:.4g}/s, k = {law.k / self.tick_bps:.4g}/bps"
        return intensity_plot(title, "bps", points, line)


def _rate(law: ArrivalLaw | None, distance: float) -> float | None:
    return None if law is None else law.A * exp(-law.k * distance)


def _estimate(words: str, law: dict[str, Any], errors: dict[str, Any] | None) -> str:
    if errors is None or errors["A"] is None:
        return f"{words:20} A {law['A']:.5g} 1/s   k {law['k']:.5g} 1/price, {law['k_per_bps']:.5g} 1/bps"
    rate, decay, per_bps = (f"{law[name]:.5g} +- {errors[name]:.2g}" for name in ("A", "k", "k_per_bps"))
    return f"{words:20} A {rate} 1/s   k {decay} 1/price, {per_bps} 1/bps"


def _row(row: dict[str, Any]) -> str:
    fitted = "-" if row["fitted_per_s"] is None else f"{row['fitted_per_s']:.5f}"
    return (
        f"{row['distance']:14.8g} {row['distance_bps']:9.4f} {row['orders']:8d} {row['rate_per_s']:10.5f} "
        f"{fitted:>10}"
    )


def run_calibration(
    source: str, symbol: str, *, distances_bps: Sequence[float] = (), plot: Path | None = None, seed: int = 0
) -> CalibrationReport:
    """The law of a recording, or of an engine's log where `source` is a folder; with a plot on request.

    Raises ConfigError for a source without the symbol, invalid distances, and a plot without a fit.
    """
    if any(not distance >= 0 for distance in distances_bps):
        raise ConfigError(f"--distance-bps {list(distances_bps)}: each must be at least 0")
    observed = orders_of(source, symbol, load_config((), {}, {}).config)
    at = [distance / BPS_PER_UNIT * observed.mid_ticks for distance in sorted(set(distances_bps))]
    report = CalibrationReport(symbol, observed, calibrate(observed, at, seed))
    if plot is not None:
        plot.write_text(report.plot())
    return report


@dataclass(frozen=True, slots=True)
class MicroPriceReport:
    """The fitted table, as JSON, as text, and as settings."""

    symbol: str
    table: MicroPriceTable
    refused: RefusalTally

    def as_json(self) -> dict[str, Any]:
        """Adjustments of the mid in ticks: a row per class of spreads."""
        return {
            "symbol": self.symbol,
            **self.refused.as_json(),
            "imbalance_edges": list(self.table.imbalance_edges),
            "spread_edges_ticks": list(self.table.spread_edges_ticks),
            "adjustments_ticks": [list(row) for row in self.table.adjustments_ticks],
            "books": [list(row) for row in self.table.books],
        }

    def as_text(self) -> str:
        """A line per bucket of the bid's share, a column per class of spreads."""
        bounds = (0.0, *self.table.imbalance_edges, 1.0)
        lines = [
            f"{self.symbol}: adjustment of the mid in ticks, by the bid's share of the best sizes; (books)",
            f"spreads of at most {self.table.spread_edges_ticks} ticks, and wider",
            *self.refused.lines(self.symbol),
        ]
        for bucket, (low, high) in enumerate(pairwise(bounds)):
            cells = (
                f"{row[bucket]:+9.4f} ({books[bucket]})"
                for row, books in zip(self.table.adjustments_ticks, self.table.books, strict=True)
            )
            lines.append(f"{low:.3f} to {high:.3f}  " + "  ".join(cells))
        return "\n".join(lines)

    def settings(self) -> str:
        """YAML that `maker up --config` takes."""
        own = {
            "pricing": {"fair_value": "micro_price"},
            "micro_price": {
                "imbalance_edges": [round(edge, 9) for edge in self.table.imbalance_edges],
                "spread_edges_ticks": list(self.table.spread_edges_ticks),
                "adjustments_ticks": [
                    [round(each, 9) for each in row] for row in self.table.adjustments_ticks
                ],
            },
        }
        return str(yaml.safe_dump({"per_symbol": {self.symbol.rpartition(":")[2]: own}}, sort_keys=False))


def run_micro_price(
    source: str, symbol: str, *, config_out: Path | None = None, plot: Path | None = None
) -> MicroPriceReport:
    """The micro-price table of a recording or a log, with a plot on request.

    Raises ConfigError where it is too short.
    """
    refused = RefusalTally()
    tops = [
        TopOfBook(
            bid_share=event.bid_sizes[0] / (event.bid_sizes[0] + event.ask_sizes[0]),
            spread_ticks=event.ask_prices[0] - event.bid_prices[0],
            mid_half_ticks=event.bid_prices[0] + event.ask_prices[0],
        )
        for event in market_of(source, symbol, load_config((), {}, {}).config, refused)
        if isinstance(event, Book) and event.status == "live"
    ]
    try:
        report = MicroPriceReport(symbol, fit_micro_price(tops), refused)
    except ValueError as error:
        raise ConfigError(f"{source}: no micro-price of {symbol}: {error}") from None
    if config_out is not None:
        config_out.write_text(report.settings())
    if plot is not None:
        plot.write_text(micro_price_plot(f"{symbol}: micro-price", report.table))
    return report
