"""The configurations of symbols with overridden settings, and the markets that they follow."""

from schemas.config import Config


def own_configs(config: Config) -> dict[str, Config]:
    """Of symbols with overridden settings."""
    return {symbol: config.of_symbol(symbol) for symbol in config.per_symbol}


def leaders(configs: dict[str, Config]) -> dict[str, None]:
    """The markets that others use as reference."""
    found = (config.pricing.reference_market for config in configs.values())
    return dict.fromkeys(key for key in found if key is not None)
