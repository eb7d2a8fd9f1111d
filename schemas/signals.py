"""Market features that monitor-service computes from book and trades, in one message for all readers."""

from typing import ClassVar, Literal

from schemas.market import BookStatus
from schemas.message import SizeLots, SymbolEvent, TimeNs

Regime = Literal["low", "medium", "high"]


class Signal(SymbolEvent):
    """Market features of one symbol. State: published on sufficient change, and once a second."""

    type_name: ClassVar[str] = "market.signal.v1"

    book_status: BookStatus
    book_time_ns: TimeNs
    """Receive time of the newest accepted book update."""
    mid_half_ticks: int | None
    """Best bid plus best ask, in ticks: twice the mid, exact. The last sound one while not live."""
    spread_ticks: int | None
    weighted_mid_ticks: float | None
    """Mid weighted by the opposite queue, in ticks (weighted mid in Stoikov 2018)."""
    volatility_per_sqrt_s: float | None
    """Standard deviation of log returns per square root of a second; None before any."""
    volatility_ready: bool
    """False during warm-up: until half a time constant was observed."""
    regime: Regime
    jump: bool
    """The newest return was beyond the jump threshold; its effect on volatility was capped."""
    bid_depth_lots: SizeLots
    ask_depth_lots: SizeLots
    """Sum over the configured number of levels, averaged over time."""
    imbalance: float
    """(bid depth - ask depth) / (bid depth + ask depth), averaged over time with a short half-life, -1 to 1;
    a side that stays empty makes it +1 or -1."""
    flow_imbalance: float
    """Time-decayed taker (buys - sells) / (buys + sells), -1 to 1."""
    flow_volume_lots: float
    """Time-decayed taker volume: where it is small, flow_imbalance means little."""
    robust_volatility_per_sqrt_s: float | None = None
    """The same, robust to noise, from two sampling scales; None until it is ready."""
    noise: float | None = None
    """Standard deviation of the log mid around the efficient price."""
    jump_volatility_per_sqrt_s: float = 0.0
    """The volatility of what was cut from `volatility_per_sqrt_s` as jumps; their squares add up to the
    whole. 0 for an estimator that cuts nothing."""
    without_jumps_per_sqrt_s: float | None = None
    """Volatility from products of adjacent returns, robust to jumps."""
    ofi: tuple[float, ...] = ()
    """Time-decayed order flow imbalance by level, best first, in mean sizes of a level."""
    toxicity: float | None = None
    """Mean imbalance of the newest volume buckets, 0 to 1; None before enough are full."""
    arrival_rate_per_s: float | None = None
    """A of A exp(-k distance): orders per second and side that reach the mid; None before any estimate."""
    arrival_decay_per_tick: float | None = None
    """k: decay of their rate with the distance from the mid."""
    taker_buy_depths: float = 0.0
    """Volume of takers that bought just now, decayed within a fraction of a second, in mean depths of the
    side that they took from; 0 for a symbol whose quotes do not react to it."""
    taker_sell_depths: float = 0.0
    """The same of takers that sold."""
    arrival_ready: bool = False
    """The estimate passed its checks: enough orders, at enough distances."""
