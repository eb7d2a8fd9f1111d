"""Process quote-service: market facts to quote targets."""

from quote_service.quoting.quoter import QuoterCore
from runtime.process.definition import ProcessDefinition
from schemas.topics import QUOTE
from schemas.units import NS_PER_S

definition = ProcessDefinition(
    name=QUOTE,
    make_core=QuoterCore,
    is_on_path=True,
    is_sharded=True,
    tick_interval_ns=lambda config: int(config.market_making.update_frequency * NS_PER_S),
)
