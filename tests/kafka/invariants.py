"""What must hold after any run, judged from the topics alone; docs/INVARIANTS.md is the table of them.

None of it uses the engine's own cores: each checker is a plain fold over what was published.
"""

import json
import re
from collections import defaultdict
from collections.abc import Iterator
from decimal import Decimal
from itertools import pairwise
from typing import Any, NamedTuple

from runtime.bus import Record
from schemas.config import Config
from schemas.inventory import Position
from schemas.market import Book, Instrument
from schemas.message import Event
from schemas.orders import TERMINAL_STATUSES, Fill, OrderEvent, VenueReport
from schemas.process import HEARD, Trace
from schemas.quoting import QuoteTarget
from schemas.risk import RiskState
from schemas.topics import PROCESSES
from tests.servers.kafka_log import KafkaLog, Sent

INTENTS = ("place_intent", "amend_intent", "cancel_intent")
ENDED = ("cancelled", "rejected")
SKIPPED_MIN = 999_000
"""A start that finds its newest records deleted skips a million numbers, of which it may have used some."""


class Broken(NamedTuple):
    """An invariant that does not hold, and where."""

    invariant: str
    what: str


def _of(log: KafkaLog, *topics: str) -> list[Any]:
    """The messages of topics of one writer, in the order of their publication, whatever their partition."""
    found = sorted((sent for topic in topics for sent in log.on(topic)), key=_place)
    return [sent.record.message for sent in found]


class Venue:
    """What the venue's reports say: which of our orders are alive there."""

    def __init__(self) -> None:
        self.open_lots: dict[str, int] = {}
        """Size not filled yet, by client order id."""
        self.filled: dict[str, int] = {}

    def hear(self, report: VenueReport) -> None:
        """Take over one report."""
        name = report.client_order_id
        if report.kind == "accepted":
            self.open_lots[name] = report.size_lots
        elif report.kind == "amended":
            self.open_lots[name] = report.size_lots - self.filled.get(name, 0)
        elif report.kind == "fill":
            self.filled[name] = self.filled.get(name, 0) + report.size_lots
            self.open_lots[name] = self.open_lots.get(name, 0) - report.size_lots
        if report.kind in ENDED or self.open_lots.get(name, 0) <= 0:
            self.open_lots.pop(name, None)


def _place(sent: Sent) -> tuple[str, int]:
    return sent.record.envelope.producer, sent.record.envelope.sequence


def i1_positions_are_the_sum_of_fills(log: KafkaLog) -> Iterator[Broken]:
    """By unique trade id: the venue's fills, the router's, and the newest position of each symbol."""
    at_venue: dict[str, dict[str, int]] = defaultdict(dict)
    sides = {event.client_order_id: event.side for event in _of(log, "order.event")}
    for report in _of(log, "venue.report"):
        if isinstance(report, VenueReport) and report.kind == "fill":
            sign = 1 if sides[report.client_order_id] == "buy" else -1
            at_venue[report.key][report.venue_trade_id or ""] = sign * report.size_lots
    booked: dict[str, dict[str, int]] = defaultdict(dict)
    for fill in _of(log, "order.fill"):
        if fill.venue_trade_id in booked[fill.key]:
            yield Broken("I1", f"{fill.key} trade {fill.venue_trade_id} was published twice")
        booked[fill.key][fill.venue_trade_id] = (1 if fill.side == "buy" else -1) * fill.size_lots
    newest: dict[str, Position] = {}
    for position in _of(log, "inventory.position"):
        newest[position.key] = position
    for key in at_venue.keys() | booked.keys():
        if at_venue[key] != booked[key]:
            yield Broken("I1", f"{key}: the venue has {len(at_venue[key])} fills, we {len(booked[key])}")
        lots = sum(booked[key].values())
        told = newest[key].position_lots if key in newest else None
        if told != lots:
            yield Broken("I1", f"{key}: the fills make {lots} lots, the newest position says {told}")


def i2_one_order_a_slot(log: KafkaLog) -> Iterator[Broken]:
    """By the venue's reports: never two orders alive for a symbol, side and level."""
    venue = Venue()
    slots: dict[str, tuple[str, str, int]] = {}
    for event in _of(log, "order.event"):
        if event.kind == "place_intent":
            slots[event.client_order_id] = (event.key, event.side, event.level)
    for report in _of(log, "venue.report"):
        slot = slots.get(report.client_order_id)
        if slot is None:
            yield Broken("I2", f"the venue has {report.client_order_id}, which no intent names")
            continue
        if report.kind == "accepted":
            others = [name for name in venue.open_lots if slots[name] == slot]
            if others:
                yield Broken("I2", f"{slot}: {report.client_order_id} beside {others}")
        venue.hear(report)


def _orders_by_cause(log: KafkaLog) -> dict[str | None, list[OrderEvent]]:
    events: dict[str | None, list[OrderEvent]] = defaultdict(list)
    for sent in log.on("order.event"):
        if isinstance(sent.record.message, OrderEvent):
            events[sent.record.envelope.cause].append(sent.record.message)
    return events


def _by_place(log: KafkaLog) -> dict[tuple[str, int, int], Record]:
    """As a trace names them: by offset, or by sequence what one process heard of another in memory."""
    found = {}
    for record in (sent.record for sent in log.records):
        found[record.topic, record.partition, record.offset] = record
        if record.envelope.producer in PROCESSES:
            found[HEARD + record.topic, record.partition, record.envelope.sequence] = record
    return found


def i3_no_order_after_a_halt(log: KafkaLog) -> Iterator[Broken]:
    """In the order in which the router consumed: between a halt and its end nothing is placed or amended,
    but for IOC orders where every halt in force flattens.
    """
    by_place = _by_place(log)
    outputs = _orders_by_cause(log)
    states: dict[str, RiskState] = {}
    for trace in _of(log, "process.trace"):
        if not isinstance(trace, Trace) or trace.process != "order-router":
            continue
        for topic, partition, first, count in trace.entries:
            for offset in range(first, first + count):
                record = by_place.get((topic, partition, offset))
                if record is None:
                    break
                if isinstance(record.message, RiskState):
                    states[record.key] = record.message
                account = next((s for key, s in states.items() if key.endswith(":*")), None)
                for event in outputs.get(record.envelope.event_id, ()):
                    found = [s for s in (account, states.get(event.key)) if s and s.state == "HALT"]
                    flattens = event.time_in_force == "ioc" and all(s.flattens for s in found)
                    if found and not flattens and event.kind in ("place_intent", "amend_intent"):
                        yield Broken("I3", f"{event.client_order_id} {event.kind} under a halt")


def i6_worst_case_within_limits(log: KafkaLog, config: Config) -> Iterator[Broken]:
    """Position and all that may still be filled on one side never exceed the largest position."""
    limit = Decimal(str(config.risk_limits.max_position))
    lot_sizes = {i.key: i.lot_size for i in _of(log, "market.instrument") if isinstance(i, Instrument)}
    position: dict[str, int] = defaultdict(int)
    open_lots: dict[tuple[str, str], dict[str, int]] = defaultdict(dict)
    for message in _of(log, "order.event", "order.fill"):
        if isinstance(message, Fill):
            position[message.key] += message.size_lots if message.side == "buy" else -message.size_lots
            continue
        lots = open_lots[message.key, message.side]
        if message.status in TERMINAL_STATUSES:
            lots.pop(message.client_order_id, None)
        elif message.kind != "denied":
            lots[message.client_order_id] = message.size_lots - message.filled_lots
        for side, sign in (("buy", 1), ("sell", -1)):
            worst = sign * position[message.key] + sum(open_lots[message.key, side].values())
            is_asked = message.kind in ("place_intent", "amend_intent") and message.side == side
            if is_asked and worst * lot_sizes[message.key] > limit:
                yield Broken("I6", f"{message.key} {side}: {worst} lots are more than {limit}")


def i22_each_decision_of_the_balancer_leads_to_one_order(log: KafkaLog) -> Iterator[Broken]:
    """And each such order reduces what is held when it is sent, with those still under way."""
    sent: dict[str, set[int]] = defaultdict(set)
    position: dict[str, int] = defaultdict(int)
    open_lots: dict[str, dict[str, int]] = defaultdict(dict)
    for message in _of(log, "order.event", "order.fill"):
        if isinstance(message, Fill):
            position[message.key] += message.size_lots if message.side == "buy" else -message.size_lots
        elif message.time_in_force == "ioc" and message.kind == "place_intent":
            name = f"{message.key} {message.client_order_id}"
            if message.target_sequence in sent[message.key]:
                yield Broken("I22", f"{name}: a second order for decision {message.target_sequence}")
            sent[message.key].add(message.target_sequence)
            sign = 1 if message.side == "buy" else -1
            left = -sign * position[message.key] - sum(open_lots[message.key].values())
            if message.size_lots > left:
                yield Broken("I22", f"{name}: {message.size_lots} lots, and {left} are left to reduce")
            open_lots[message.key][message.client_order_id] = message.size_lots
        elif message.status in TERMINAL_STATUSES:
            open_lots[message.key].pop(message.client_order_id, None)


def i7_ids_are_contiguous(log: KafkaLog) -> Iterator[Broken]:
    """Every producer's numbers run from 1 on without a gap, and none is used twice."""
    seen: dict[str, list[int]] = defaultdict(list)
    for sent in log.records:
        producer, sequence = _place(sent)
        if not re.search(r"^(gateway-api|statistics)/|/claim$", producer):
            seen[producer].append(sequence)
    for producer, numbers in seen.items():
        ordered = sorted(numbers)
        for last, number in pairwise((0, *ordered)):
            if number == last:
                yield Broken("I7", f"{producer} used {number} twice")
            elif number > last + 1 and not (log.is_trimmed and number - last >= SKIPPED_MIN):
                yield Broken("I7", f"{producer} lacks {last + 1} to {number - 1} of {ordered[-1]}")


def i8_epochs_only_grow(log: KafkaLog) -> Iterator[Broken]:
    """Of what readers accept, a writer's epoch never goes back within a partition."""
    newest: dict[tuple[str, int, str], int] = {}
    for sent in log.records:
        record = sent.record
        place = (record.topic, record.partition, record.envelope.producer.partition("/")[0])
        if sent.epoch < newest.get(place, -1):
            yield Broken("I8", f"{place} went back to epoch {sent.epoch} at offset {record.offset}")
        newest[place] = sent.epoch


def i10_quotes_come_from_live_books(log: KafkaLog) -> Iterator[Broken]:
    """A target with prices that a book led to: that book was live, and neither crossed nor locked."""
    books: dict[str | None, Event] = {
        s.record.envelope.event_id: s.record.message for s in log.on("market.book")
    }
    for sent in log.on("quote.target"):
        target, book = sent.record.message, books.get(sent.record.envelope.cause)
        if not isinstance(target, QuoteTarget) or not isinstance(book, Book):
            continue
        if not (target.bid.prices or target.ask.prices):
            continue
        if book.status != "live" or not book.bid_prices[0] < book.ask_prices[0]:
            yield Broken("I10", f"{sent.record.envelope.event_id} from a book that is {book.status}")


def i11_numbers_are_sound(log: KafkaLog) -> Iterator[Broken]:
    """Ticks and lots are whole and above 0, and no payload holds a number that is none."""
    for sent in log.records:
        text = json.dumps(sent.record.message.model_dump(mode="json"))
        if re.search(r"\b(NaN|-?Infinity)\b", text):
            yield Broken("I11", f"{sent.record.envelope.event_id} holds {text[:200]}")
    for event in _of(log, "order.event"):
        if event.kind in INTENTS and not (event.price_ticks > 0 and event.size_lots > 0):
            yield Broken("I11", f"{event.client_order_id}: {event.price_ticks} ticks, {event.size_lots} lots")


def i15_nothing_is_unreadable(log: KafkaLog) -> Iterator[Broken]:
    """Every record can be read."""
    if log.poison:
        yield Broken("I15", f"{log.poison} records cannot be read")


def every_intent_has_a_cause(log: KafkaLog) -> Iterator[Broken]:
    """Whatever was sent to the venue leads back to a record that the router consumed, or to its clock."""
    ids = {sent.record.envelope.event_id for sent in log.records}
    for sent in log.on("order.event"):
        cause = sent.record.envelope.cause
        if cause is not None and cause not in ids:
            yield Broken("C10", f"{sent.record.envelope.event_id} names the cause {cause}, which is nowhere")


def nothing_alive_at_the_end(log: KafkaLog) -> Iterator[Broken]:
    """After a stop the venue has no order of ours."""
    venue = Venue()
    for report in _of(log, "venue.report"):
        venue.hear(report)
    for name in sorted(venue.open_lots):
        yield Broken("I5", f"{name} is alive after the end")


def broken(log: KafkaLog, config: Config) -> list[Broken]:
    """All that does not hold."""
    found = list(i6_worst_case_within_limits(log, config))
    for check in (
        i1_positions_are_the_sum_of_fills,
        i2_one_order_a_slot,
        i3_no_order_after_a_halt,
        i22_each_decision_of_the_balancer_leads_to_one_order,
        i7_ids_are_contiguous,
        i8_epochs_only_grow,
        i10_quotes_come_from_live_books,
        i11_numbers_are_sound,
        i15_nothing_is_unreadable,
        every_intent_has_a_cause,
    ):
        found += check(log)
    return found
