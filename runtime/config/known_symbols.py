"""Symbols that the configuration names and nobody knows: what is set for them would apply to nothing."""

from collections.abc import Collection, Iterator

import structlog

from runtime.errors import ConfigError
from runtime.text import nearest
from schemas.config import Config
from schemas.feed_settings import Feed, default_instruments

logger = structlog.get_logger()


def configured_keys(config: Config) -> tuple[str, ...]:
    """Symbols that the configuration makes known, as `venue:symbol`; none for a recording."""
    if config.feed.kind == "synthetic":
        return tuple(f"synthetic:{symbol}" for symbol in Feed().symbols | config.feed.symbols)
    if config.feed.kind == "live":
        return tuple(f"{config.exchange.id}:{symbol}" for symbol in config.exchange.symbols)
    return ()


def check_known(config: Config, keys: Collection[str]) -> None:
    """Raises ConfigError for settings and permissions of symbols that are not among `keys`.

    A contract in `instruments` that is none of them is logged: a file may describe those of many recordings.
    """
    unknown = [*unknown_settings(config, keys)]
    if unknown:
        raise ConfigError("\n".join(unknown))
    for problem in unknown_instruments(config, keys):
        logger.warning("instrument_unknown", because=problem)


def unknown_settings(config: Config, keys: Collection[str]) -> Iterator[str]:
    """A line for each entry of `per_symbol` and `routing.permitted` that is not among `keys`."""
    symbols = _symbols(keys)
    for symbol in config.per_symbol:
        if symbol not in symbols:
            yield f"per_symbol: no symbol is called {symbol}{nearest(symbol, symbols)}"
    for key in config.routing.permitted or ():
        if key not in keys:
            yield f"routing.permitted: no contract is called {key}{nearest(key, keys)}"


def unknown_instruments(config: Config, keys: Collection[str]) -> Iterator[str]:
    """A line for each entry of `instruments` that is not among `keys` and whose venue is."""
    symbols, venues = _symbols(keys), {key.partition(":")[0] for key in keys}
    usual = default_instruments()
    for symbol, instrument in config.instruments.items():
        if symbol in symbols or instrument == usual.get(symbol):
            continue
        if instrument.venue is None or instrument.venue in venues:
            yield f"instruments: no symbol is called {symbol}{nearest(symbol, symbols)}"


def _symbols(keys: Collection[str]) -> dict[str, None]:
    return dict.fromkeys(key.partition(":")[2] for key in keys)
