"""Symbols whose model of order arrival has less to earn than its fills cost, said before a start."""

from collections.abc import Iterator

from schemas.config import Config

_WITHOUT_ARRIVAL = "vol_multiple"


def thin_edges(config: Config) -> Iterator[str]:
    """A line a symbol whose configured 1/k is below its maker fee and the configured impact together.

    A k that is estimated while the engine runs is not known yet.
    """
    for symbol in dict.fromkeys((*config.instruments, *config.per_symbol)):
        model, instrument = config.of_symbol(symbol).model, config.instruments.get(symbol)
        decay = model.arrival_decay_per_bps
        if model.name == _WITHOUT_ARRIVAL or decay is None or instrument is None:
            continue
        cost_bps = float(instrument.maker_fee_bps) + model.impact_bps
        if 1 / decay < cost_bps:
            yield (
                f"{symbol}: {model.name} has 1/k of {1 / decay:.4g} bps, less than fee and impact of "
                f"{cost_bps:.4g} bps: it is quoted 1/k beyond both; see maker calibrate"
            )
