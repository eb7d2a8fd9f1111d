"""The state of one symbol or of the account: what is in force, and what only a person ends."""

from dataclasses import dataclass, field

from schemas.risk import LimitUse, RiskState, TradingState

_SEVERITY: dict[TradingState, int] = {"RUN": 0, "REDUCE_ONLY": 1, "HALT": 2}


@dataclass(frozen=True, slots=True)
class Breach:
    """One condition that restricts trading."""

    state: TradingState
    reason: str
    latches: bool = False


@dataclass(slots=True)
class Scope:
    """A latch, and the state that was published last."""

    venue: str
    symbol: str
    latched_reason: str | None = None
    halt_sequence: int = 0
    told: RiskState | None = None
    warned: dict[str, None] = field(default_factory=dict)
    """Limits whose warning was given in this episode."""

    def latch(self, reason: str) -> None:
        """Halt until a resume; a latch that holds keeps its first reason."""
        if self.latched_reason is None:
            self.latched_reason = reason
            self.halt_sequence += 1

    def settle(self, now_ns: int, breaches: list[Breach], limits: tuple[LimitUse, ...]) -> RiskState:
        """The state that the breaches and the latch demand: the most severe, with all its reasons."""
        for breach in breaches:
            if breach.latches:
                self.latch(breach.reason)
        if self.latched_reason is not None:
            breaches = [Breach("HALT", self.latched_reason), *(each for each in breaches if not each.latches)]
        state: TradingState = max((each.state for each in breaches), key=_SEVERITY.__getitem__, default="RUN")
        return RiskState(
            event_time_ns=now_ns,
            venue=self.venue,
            symbol=self.symbol,
            state=state,
            reasons=tuple(each.reason for each in breaches if each.state == state),
            latched=self.latched_reason is not None,
            halt_sequence=self.halt_sequence,
            limits=limits,
        )

    def is_news(self, state: RiskState) -> bool:
        """Something that readers act on differs from what was told last."""
        told = self.told
        return told is None or (told.state, told.reasons, told.halt_sequence, told.latched) != (
            state.state,
            state.reasons,
            state.halt_sequence,
            state.latched,
        )
