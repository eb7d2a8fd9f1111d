"""`maker calibrate --alpha`: predicts the mid's next move from order flow, tested out of sample."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from research.calibration.alpha import AlphaFit, fit_alpha, samples_of
from research.calibration.source import config_with_bursts, market_of
from runtime.errors import ConfigError
from schemas.refusals import RefusalTally
from schemas.units import NS_PER_MS

_DIGITS = 9


@dataclass(frozen=True, slots=True)
class AlphaReport:
    """The coefficients, as JSON, as text, and as settings."""

    symbol: str
    horizon_ms: int
    fit: AlphaFit
    refused: RefusalTally

    def _named(self, values: tuple[float, ...]) -> dict[str, Any]:
        flow, burst, imbalance, *ofi = values
        return {"flow_bps": flow, "burst_bps": burst, "imbalance_bps": imbalance, "ofi_bps": ofi}

    def as_json(self) -> dict[str, Any]:
        """Coefficients in bps per unit of each feature."""
        return {
            "symbol": self.symbol,
            **self.refused.as_json(),
            "horizon_ms": self.horizon_ms,
            "samples": self.fit.samples,
            **self._named(self.fit.coefficients),
            "errors": self._named(self.fit.errors),
            "r_squared": self.fit.r_squared,
            "r_squared_unseen": self.fit.r_squared_unseen,
        }

    def as_text(self) -> str:
        """One line per coefficient."""
        names = ["flow_bps", "burst_bps", "imbalance_bps"]
        names += [f"ofi_bps, level {level}" for level in range(1, len(self.fit.coefficients) - 2)]
        lines = [
            f"{self.symbol}: the mid's move within {self.horizon_ms} ms, from {self.fit.samples} samples",
            *self.refused.lines(self.symbol),
            *(
                f"{name:18} {value:+10.4f} +- {error:.4f}"
                for name, value, error in zip(names, self.fit.coefficients, self.fit.errors, strict=True)
            ),
            f"R2 {self.fit.r_squared:.4f} in sample, {self.fit.r_squared_unseen:.4f} out of sample",
        ]
        if not self.is_of_use:
            lines.append("out of sample it is no better than predicting no move: do not use it")
        return "\n".join(lines)

    @property
    def is_of_use(self) -> bool:
        """Does it predict anything out of sample?"""
        return self.fit.r_squared_unseen > 0

    def settings(self) -> str:
        """YAML that `maker up --config` takes."""
        found = self._named(tuple(round(value, _DIGITS) for value in self.fit.coefficients))
        own = {"per_symbol": {self.symbol.rpartition(":")[2]: {"alpha": found}}}
        return str(yaml.safe_dump(own, sort_keys=False))


def run_alpha(
    source: str, symbol: str, *, horizon_ms: int = 1_000, config_out: Path | None = None
) -> AlphaReport:
    """The coefficients of a recording or a log.

    Raises ConfigError where it is too short, and where settings are requested for a useless fit.
    """
    if horizon_ms < 1:
        raise ConfigError(f"--horizon-ms {horizon_ms} is not above 0: give milliseconds")
    refused = RefusalTally()
    events = market_of(source, symbol, config_with_bursts(), refused)
    try:
        fit = fit_alpha(samples_of(events), horizon_ms * NS_PER_MS)
        report = AlphaReport(symbol, horizon_ms, fit, refused)
    except ValueError as error:
        raise ConfigError(f"{source}: no alpha of {symbol}: {error}") from None
    if config_out is not None:
        if not report.is_of_use:
            raise ConfigError(
                f"{config_out} is not written: out of sample the fit has an R2 of "
                f"{report.fit.r_squared_unseen:.4f}, no better than predicting no move"
            )
        config_out.write_text(report.settings())
    return report
