"""Explains a quote: the newest one at a given time, its steps, and the events behind it."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from runtime.errors import ConfigError
from runtime.log.logfile import LoggedRecord, read_log
from runtime.replay.explain import explain_balancing, explain_target
from runtime.replay.start_points import DISORDER_NS, as_published, carried_at, start_points_before, start_text
from runtime.replay.trace_reader import ConfigStep, ConsumedInput, TraceReader, TraceStep
from runtime.text import iso_time, nearest
from schemas.balancing import BalanceOrder
from schemas.carried.runtime import StateMessageCarried
from schemas.envelope import decode
from schemas.market import Instrument
from schemas.message import Side
from schemas.orders import OrderEvent
from schemas.quoting import QuoteTarget
from schemas.topics import QUOTE
from schemas.units import NS_PER_MS

_ACCOUNT_SUFFIX = ":*"
_ORDERS = "order.event"
_DENIED = b'"kind":"denied"'
_END_OF_RUN = b'"not_quoting_because":"SHUTDOWN"'
"""Without `--at`, quotes withdrawn by the shutdown are skipped."""


@dataclass(slots=True)
class _Search:
    """The state of quote-service for a symbol, followed up to the newest quote at a time."""

    symbol: str
    until_ns: int | None
    quote: LoggedRecord | None = None
    causes: list[LoggedRecord] = field(default_factory=list)
    symbols: dict[str, None] = field(default_factory=dict)
    _known: dict[str, LoggedRecord] = field(default_factory=dict)

    def begin(self, carried: Iterable[LoggedRecord]) -> None:
        """The state of quote-service where reading begins."""
        self._known.clear()
        for record in carried:
            self._learn(record)

    def follow(self, step: TraceStep) -> None:
        """Apply the inputs of one trace, and take a snapshot of the known facts at each quote."""
        wanted = [record for record in step.outputs if self._is_wanted(record)]
        for consumed in step.inputs:
            if consumed.record is not None:
                self._learn(consumed.record)
            while wanted and self._is_reached(wanted[0], consumed):
                self.quote = wanted.pop(0)
                self.causes = list(self._known.values())
        if wanted:  # quotes without a causing record come from ticks
            self.quote = wanted[-1]
            self.causes = list(self._known.values())

    def _is_wanted(self, record: LoggedRecord) -> bool:
        self.symbols[record.key] = None
        if not self._is_mine(record.key):
            return False
        if self.until_ns is None:
            return _END_OF_RUN not in record.payload
        return record.envelope.event_time_ns <= self.until_ns

    def _is_mine(self, key: str) -> bool:
        return self.symbol in (key, key.partition(":")[2])

    def _is_reached(self, quote: LoggedRecord, consumed: ConsumedInput) -> bool:
        if consumed.record is None:
            return (
                quote.envelope.cause is None and consumed.event.event_time_ns >= quote.envelope.event_time_ns
            )
        return quote.envelope.cause == consumed.record.envelope.event_id

    def _learn(self, record: LoggedRecord) -> None:
        if record.envelope.type_name == StateMessageCarried.type_name:
            record = as_published(record)
        if self._is_mine(record.key) or record.key.endswith(_ACCOUNT_SUFFIX):
            self._known[f"{record.topic} {record.key}"] = record


def why(directory: Path, symbol: str, until_ns: int | None) -> dict[str, Any]:
    """The newest quote of `symbol` (or `venue:symbol`) at `until_ns`, explained.

    Raises ConfigError where the log has no such symbol, or no quote of it by that time.
    """
    search = _Search(symbol, until_ns)
    for position, _ in start_points_before(directory, until_ns):
        search.begin(carried_at(directory, position, QUOTE))
        for step in TraceReader((QUOTE,)).steps(read_log(directory, position)):
            if not isinstance(step, ConfigStep):
                if until_ns is not None and step.trace.event_time_ns > until_ns + DISORDER_NS:
                    break
                search.follow(step)
        if search.quote is not None:
            break
    if search.quote is None:
        began = start_text(directory)
        raise ConfigError(_nothing_found(search) + (f"; {began}" if began else ""))
    found = {record.topic: record for record in search.causes if record.key == search.quote.key}
    announced, decided = found.get("market.instrument"), found.get("inventory.balance")
    instrument = None if announced is None else decode(Instrument, announced.payload)
    target = decode(QuoteTarget, search.quote.payload)
    explained = explain_target(target, instrument, _denied(directory, search.quote.key, target))
    decision = None if decided is None else decode(BalanceOrder, decided.payload)
    return explained | {
        "balancing": explain_balancing(decision, instrument, target.event_time_ns),
        "event_id": search.quote.envelope.event_id,
        "causes": [_cause(record, search.quote) for record in search.causes],
    }


def _denied(directory: Path, key: str, target: QuoteTarget) -> dict[Side, tuple[str, ...]]:
    """By side: the codes with which the gate denied an order for a target, while it was valid."""
    found: dict[Side, tuple[str, ...]] = {}
    for position, _ in start_points_before(directory, target.event_time_ns):
        for record in read_log(directory, position):
            if record.envelope.event_time_ns > target.valid_until_ns + DISORDER_NS:
                break
            if record.topic == _ORDERS and record.key == key and _DENIED in record.payload:
                order = decode(OrderEvent, record.payload)
                if order.target_sequence == target.sequence and order.time_in_force == "gtc":
                    found[order.side] = order.reasons
        break
    return found


def _nothing_found(search: _Search) -> str:
    known = [key.partition(":")[2] for key in search.symbols]
    if search.symbol not in known and search.symbol not in search.symbols:
        return f"the log has no quote of {search.symbol!r}{nearest(search.symbol, known)}"
    when = "" if search.until_ns is None else f" by {iso_time(search.until_ns)}"
    return f"the log has no quote of {search.symbol}{when}: give a later --at"


def _cause(record: LoggedRecord, quote: LoggedRecord) -> dict[str, Any]:
    return {
        "event_id": record.envelope.event_id,
        "topic": record.topic,
        "offset": record.offset,
        "time": iso_time(record.envelope.event_time_ns),
        "age_ms": (quote.envelope.event_time_ns - record.envelope.event_time_ns) / NS_PER_MS,
        "direct": record.envelope.event_id == quote.envelope.cause,
        "message": record.decoded().message.model_dump(mode="json"),
    }
