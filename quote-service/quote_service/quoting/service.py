"""Process quote-service: market facts to quote targets."""

from quote_service.quoting.quoter import QuoterCore
from runtime.process.definition import ProcessDefinition
from schemas.config import Config
from schemas.topics import QUOTE
from schemas.units import NS_PER_S


def _tick_interval_ns(config: Config) -> int:
    """As often as the symbol that is priced most often needs it."""
    each = (config, *(config.of_symbol(symbol) for symbol in config.per_symbol))
    return int(min(own.market_making.update_frequency for own in each) * NS_PER_S)


definition = ProcessDefinition(
    name=QUOTE,
    make_core=QuoterCore,
    is_on_path=True,
    tick_interval_ns=_tick_interval_ns,
)
