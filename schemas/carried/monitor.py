"""monitor-service's carried state: contract versions, and symbols that operators started.

Everything else is rebuilt after a change of code or configuration: books start from a snapshot; volatility
(both estimates) and its regime need half a half-life before quoting may use them; order flow, taker flow,
imbalance and depth their own half-lives; toxicity its buckets; arrival (A and k)
`market_data.arrival_half_life_s`, until when `vol_multiple` stands in for models that need it. Results of
`maker calibrate` are in the configuration and stay. A feed does not repeat earlier public trades, so their
ids are not carried.
"""

from decimal import Decimal
from typing import ClassVar

from schemas.carried import Carried


class MonitorCarried(Carried):
    """Of one symbol."""

    type_name: ClassVar[str] = "carried.monitor.v1"

    instrument_version: int = 0
    """The newest version of its contract, which ledgers count in: unchanged terms keep it, others get the
    next. 0: never announced."""
    tick_size: Decimal | None = None
    lot_size: Decimal | None = None
    multiplier: Decimal = Decimal(1)
    quote_currency: str = ""
    started_by: str | None = None
    """Id of the command by which an operator started it beyond the configuration; None: not started, or
    stopped since."""
    removed_by: str | None = None
    """Id of the command by which an operator removed it; None: not removed, or started since."""
