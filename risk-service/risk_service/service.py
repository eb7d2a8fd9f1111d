"""Process risk-service: everything to RUN, REDUCE_ONLY or HALT."""

from chassis.process import ProcessDefinition
from risk_service.core.risk import RiskCore
from schemas.topics import RISK
from schemas.units import NS_PER_MS

definition = ProcessDefinition(
    name=RISK,
    make_core=RiskCore,
    tick_interval_ns=lambda config: config.risk_limits.heartbeat_ms * NS_PER_MS,
)
