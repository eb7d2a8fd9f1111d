"""Process risk-service: everything to RUN, REDUCE_ONLY or HALT."""

from risk_service.core.risk import RiskCore
from runtime.process.definition import Core, ProcessDefinition
from schemas.carried.risk import RiskCarried
from schemas.topics import RISK
from schemas.units import NS_PER_MS


def _halts(core: Core) -> int | None:
    """The carried state says what is halted now."""
    if not isinstance(core, RiskCore):
        return None
    return sum(bool(each.latches) for each in core.carried(0) if isinstance(each, RiskCarried))


definition = ProcessDefinition(
    name=RISK,
    make_core=RiskCore,
    tick_interval_ns=lambda config: config.risk_limits.heartbeat_ms * NS_PER_MS,
    halts=_halts,
)
