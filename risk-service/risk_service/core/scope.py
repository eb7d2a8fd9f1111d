"""The state of one symbol or of the account: what is in force, and what only a person ends."""

from dataclasses import dataclass, field
from decimal import Decimal

from schemas.risk import LimitUse, RiskState, TradingState

CLEARS_AT = Decimal("0.95")
"""A limit or a warning that was reached is left below this share of it, so that neither flickers."""

_SEVERITY: dict[TradingState, int] = {"RUN": 0, "REDUCE_ONLY": 1, "HALT": 2}


@dataclass(frozen=True, slots=True)
class Breach:
    """One condition that restricts trading."""

    state: TradingState
    reason: str
    latches: bool = False


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the conditions of the moment demand."""

    state: TradingState
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ResumeAsked:
    """The first of two people wants to trade on."""

    principal: str
    time_ns: int
    halt_sequence: int


@dataclass(slots=True)
class Scope:
    """The latches, and the state that was published last."""

    venue: str
    symbol: str
    latches: dict[str, str] = field(default_factory=dict)
    """Why it is halted: each cause with its text. A resume ends them all."""
    halt_sequence: int = 0
    told: RiskState | None = None
    warned: dict[str, None] = field(default_factory=dict)
    """Limits whose warning was given in this episode."""
    resume_asked: ResumeAsked | None = None
    reached: dict[str, None] = field(default_factory=dict)
    """Reasons whose limit is in breach."""

    def latch(self, cause: str, text: str | None = None) -> None:
        """Halt until a resume. A new cause is a new halt: a resume of the one before does not end it."""
        text = text or cause
        if self.latches.get(cause) != text:
            self.latches[cause] = text
            self.halt_sequence += 1

    def has_first(self, principal: str, now_ns: int, within_ns: int) -> bool:
        """Has somebody other than `principal` asked for the end of this halt, and in time?"""
        asked = self.resume_asked
        return asked is not None and asked.principal != principal and self._holds(asked, now_ns, within_ns)

    def note_request(self, principal: str, now_ns: int, within_ns: int) -> None:
        """The first word counts from when it was said; it is said anew where it no longer holds."""
        asked = self.resume_asked
        if asked is None or asked.principal == principal or not self._holds(asked, now_ns, within_ns):
            self.resume_asked = ResumeAsked(principal, now_ns, self.halt_sequence)

    def _holds(self, asked: ResumeAsked, now_ns: int, within_ns: int) -> bool:
        return asked.halt_sequence == self.halt_sequence and now_ns - asked.time_ns <= within_ns

    def resume(self) -> None:
        """End all latches."""
        self.latches.clear()
        self.resume_asked = None

    def reaches(self, reason: str, share: Decimal) -> bool:
        """Is a limit in breach that is used to `share`? One in breach stays so down to CLEARS_AT."""
        if share < CLEARS_AT:
            if self.reached:
                self.reached.pop(reason, None)
            return False
        if share >= 1:
            self.reached[reason] = None
        return reason in self.reached

    def _asked_by(self) -> str | None:
        asked = self.resume_asked
        return asked.principal if asked is not None and asked.halt_sequence == self.halt_sequence else None

    def judge(self, breaches: list[Breach]) -> Verdict:
        """What the breaches and the latches demand: the most severe, with all its reasons."""
        for breach in breaches:
            if breach.latches:
                self.latch(breach.reason)
        if self.latches:
            return Verdict("HALT", tuple(self.latches.values()))
        if not breaches:
            return RUN
        state: TradingState = max((each.state for each in breaches), key=_SEVERITY.__getitem__)
        return Verdict(state, tuple(each.reason for each in breaches if each.state == state))

    def is_news(self, verdict: Verdict) -> bool:
        """Something that readers act on differs from what was told last."""
        told = self.told
        return (
            told is None
            or told.state != verdict.state
            or told.reasons != verdict.reasons
            or told.halt_sequence != self.halt_sequence
        )

    def state(self, now_ns: int, verdict: Verdict, limits: tuple[LimitUse, ...]) -> RiskState:
        """The message that says a verdict."""
        return RiskState(
            event_time_ns=now_ns,
            venue=self.venue,
            symbol=self.symbol,
            state=verdict.state,
            reasons=verdict.reasons,
            latched=bool(self.latches),
            halt_sequence=self.halt_sequence,
            resume_asked_by=self._asked_by(),
            limits=limits,
        )


RUN = Verdict("RUN", ())
