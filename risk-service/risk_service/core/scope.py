"""The risk state of one symbol or of the account: conditions in force, and latches only a person ends."""

from dataclasses import dataclass, field
from decimal import Decimal

from schemas.risk import LimitUse, RiskState, TradingState

CLEARS_AT = Decimal("0.95")
"""A limit or warning once reached ends below this share of it, so that neither flickers."""

COUNTED_OTHERWISE = (
    "INSTRUMENT_CHANGED: the position is counted in other units than the contract; settle it with "
    "`maker positions`"
)
"""It clears by itself within a moment, or inventory-service says why not, which is alerted."""

_SEVERITY: dict[TradingState, int] = {"RUN": 0, "REDUCE_ONLY": 1, "HALT": 2}


@dataclass(frozen=True, slots=True)
class Breach:
    """One condition that restricts trading."""

    state: TradingState
    reason: str
    latches: bool = False


@dataclass(frozen=True, slots=True)
class LimitVerdict:
    """The combined result of the present conditions."""

    state: TradingState
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FirstRequest:
    """What the first of two people asks about a halt."""

    principal: str
    time_ns: int
    halt_sequence: int


@dataclass(slots=True)
class Scope:
    """The latches, and the last published state."""

    venue: str
    symbol: str
    latches: dict[str, str] = field(default_factory=dict)
    """The causes of the halt, each with its text. A resume ends them all."""
    halt_sequence: int = 0
    published: RiskState | None = None
    warned: dict[str, None] = field(default_factory=dict)
    """Limits already warned of in this episode."""
    resume_asked: FirstRequest | None = None
    flatten_asked: FirstRequest | None = None
    flattens_under: int = 0
    """The halt under which orders that reduce go out, until a newer one or its end; 0: none."""
    reached: dict[str, None] = field(default_factory=dict)
    """Reasons whose limit is in breach."""
    previous_verdict: LimitVerdict | None = None
    """What was last alerted before the present state, perhaps in the last session: it is known already."""

    def latch(self, cause: str, text: str | None = None) -> None:
        """Halt until a resume. A new cause is a new halt: a resume of the previous one does not end it."""
        text = text or cause
        if self.latches.get(cause) != text:
            self.latches[cause] = text
            self.halt_sequence += 1

    def is_halted_by(self, halt_sequence: int | None) -> bool:
        """Is this halt in force? None means any."""
        return bool(self.latches) and halt_sequence in (None, self.halt_sequence)

    @property
    def latch_text(self) -> str:
        """The halt that a resume would have to name."""
        return f"halt {self.halt_sequence} is in force" if self.latches else "nothing is halted"

    def has_first(self, principal: str, agrees_with: str | None, now_ns: int, within_ns: int) -> bool:
        """Has the person whom `principal` agrees with asked for this halt's end, within the time limit?"""
        return self._is_first(self.resume_asked, principal, agrees_with, now_ns, within_ns)

    def _is_first(
        self, asked: FirstRequest | None, principal: str, agrees_with: str | None, now_ns: int, within_ns: int
    ) -> bool:
        if asked is None or asked.principal == principal or agrees_with not in (None, asked.principal):
            return False
        return self._holds(asked, now_ns, within_ns)

    def record_request(self, principal: str, agrees_with: str | None, now_ns: int, within_ns: int) -> None:
        """A request counts from when it was first made; an expired one is made again.

        A request by somebody a resume no longer agrees with is replaced, as they may have lost the right.
        """
        asked = self.resume_asked
        if (
            asked is None
            or asked.principal == principal
            or agrees_with not in (None, asked.principal)
            or not self._holds(asked, now_ns, within_ns)
        ):
            self.resume_asked = FirstRequest(principal, now_ns, self.halt_sequence)

    def _holds(self, asked: FirstRequest, now_ns: int, within_ns: int) -> bool:
        return asked.halt_sequence == self.halt_sequence and now_ns - asked.time_ns <= within_ns

    def resume(self) -> None:
        """End all latches."""
        self.latches.clear()
        self.resume_asked = None
        self.end_flatten()

    @property
    def flattens(self) -> bool:
        """Do orders that reduce go out under the halt in force?"""
        return bool(self.latches) and self.flattens_under == self.halt_sequence

    def ask_flatten(self, principal: str, now_ns: int, within_ns: int, *, is_enough: bool) -> None:
        """A person wants orders that reduce to go out under the halt in force.

        Where that is not enough, the request waits for a second person; an expired one is made again.
        """
        if is_enough:
            self.flattens_under, self.flatten_asked = self.halt_sequence, None
            return
        asked = self.flatten_asked
        if asked is None or not self._holds(asked, now_ns, within_ns):
            self.flatten_asked = FirstRequest(principal, now_ns, self.halt_sequence)

    def approve_flatten(self, principal: str, agrees_with: str | None, now_ns: int, within_ns: int) -> bool:
        """The second person's word; false where nobody else asked for it under this halt, in time."""
        if not self._is_first(self.flatten_asked, principal, agrees_with, now_ns, within_ns):
            return False
        self.flattens_under, self.flatten_asked = self.halt_sequence, None
        return True

    def end_flatten(self) -> None:
        """Nothing goes out under the halt any more."""
        self.flattens_under, self.flatten_asked = 0, None

    def observe_share(self, reason: str, share: Decimal) -> None:
        """Apply the share of a limit in use: a breach begins at 1, and lasts down to CLEARS_AT."""
        if share >= 1:
            self.reached[reason] = None
        elif share < CLEARS_AT and self.reached:
            self.reached.pop(reason, None)

    def is_reached(self, reason: str) -> bool:
        """Is the limit in breach?"""
        return reason in self.reached

    def _asker(self, asked: FirstRequest | None) -> str | None:
        return asked.principal if asked is not None and asked.halt_sequence == self.halt_sequence else None

    def judge(self, breaches: list[Breach]) -> LimitVerdict:
        """The combined result of breaches and latches: the most severe, with all its reasons."""
        for breach in breaches:
            if breach.latches:
                self.latch(breach.reason)
            elif breach.state == "HALT":  # what is held is in doubt
                self.end_flatten()
        if self.latches:
            return LimitVerdict("HALT", tuple(self.latches.values()))
        if not breaches:
            return RUN
        state: TradingState = max((each.state for each in breaches), key=_SEVERITY.__getitem__)
        return LimitVerdict(state, tuple(each.reason for each in breaches if each.state == state))

    def is_news(self, verdict: LimitVerdict) -> bool:
        """Does it differ from the published state in a way that readers act on?"""
        published = self.published
        return (
            published is None
            or published.state != verdict.state
            or published.reasons != verdict.reasons
            or published.halt_sequence != self.halt_sequence
            or published.flattens != self.flattens
            or published.flatten_asked_by != self._asker(self.flatten_asked)
        )

    @property
    def published_verdict(self) -> LimitVerdict | None:
        """What was last alerted, in this session or the last; None: nothing yet."""
        published = self.published
        return (
            self.previous_verdict
            if published is None or self._is_passing
            else LimitVerdict(published.state, published.reasons)
        )

    @property
    def _is_passing(self) -> bool:
        return self.published is not None and self.published.reasons == (COUNTED_OTHERWISE,)

    def is_for_people(self, verdict: LimitVerdict) -> bool:
        """Is an unpublished verdict worth an alert too?"""
        before = self.published_verdict
        if verdict.reasons == (COUNTED_OTHERWISE,):
            return False
        is_same_halt = self.published is None or self.published.halt_sequence == self.halt_sequence
        if verdict == before and (is_same_halt or self._is_passing):
            return False
        return (verdict.state, "RUN" if before is None else before.state) != ("RUN", "RUN")

    def publish(self, state: RiskState) -> RiskState:
        """Record the state that is published now."""
        self.previous_verdict, self.published = self.published_verdict, state
        return state

    def state(
        self,
        now_ns: int,
        verdict: LimitVerdict,
        limits: tuple[LimitUse, ...],
        mark_time_ns: int | None = None,
    ) -> RiskState:
        """The message for a verdict."""
        return RiskState(
            event_time_ns=now_ns,
            venue=self.venue,
            symbol=self.symbol,
            state=verdict.state,
            reasons=verdict.reasons,
            latched=bool(self.latches),
            halt_sequence=self.halt_sequence,
            resume_asked_by=self._asker(self.resume_asked),
            flattens=self.flattens,
            flatten_asked_by=self._asker(self.flatten_asked),
            limits=limits,
            mark_time_ns=mark_time_ns,
        )


RUN = LimitVerdict("RUN", ())
