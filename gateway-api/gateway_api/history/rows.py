"""Records of the log as rows that people read, sort and export."""

from collections.abc import Callable
from typing import Any

from chassis.bus.logfile import LoggedRecord
from chassis.text import iso_time
from gateway_api.app.numbers import milliseconds, money_text, price_text, size_text
from gateway_api.history.summaries import summary
from schemas.control import AccessEvent, Command, Decision, Override, Proposal, ProposedSetting, SettingChange
from schemas.envelope import decode
from schemas.market import Instrument
from schemas.orders import Fill
from schemas.topics import MESSAGE_TYPES
from schemas.units import bps, side_sign

LANES: dict[str, tuple[str, ...]] = {
    "market": ("market.instrument", "market.book", "market.trade", "market.refusal"),
    "signal": ("market.signal", "monitor.statistics"),
    "quote": ("quote.target",),
    "order": ("order.event", "order.kill", "order.stop", "venue.report"),
    "fill": ("order.fill", "inventory.position"),
    "risk": ("risk.state", "risk.alert"),
    "system": ("process.trace", "process.epoch", "process.setting"),
    "human": ("control.command", "control.people"),
}
"""The swimlanes of the timeline, and the topics in each."""
LANE_OF = {topic: lane for lane, topics in LANES.items() for topic in topics}

Row = dict[str, Any]


def event_row(record: LoggedRecord, contract: Callable[[str, int], Instrument | None]) -> Row:
    """Any record, with its message as it was published; `contract` finds one by key and version."""
    message = decode(MESSAGE_TYPES[record.envelope.type_name], record.payload)
    version = getattr(message, "instrument_version", None)
    instrument = None if version is None else contract(record.key, version)
    return {
        "event_id": record.envelope.event_id,
        "time_ns": str(record.envelope.event_time_ns),
        "time_ms": milliseconds(record.envelope.event_time_ns),
        "time": iso_time(record.envelope.event_time_ns),
        "topic": record.topic,
        "lane": LANE_OF.get(record.topic, "system"),
        "type": record.envelope.type_name,
        "key": record.key,
        "producer": record.envelope.producer,
        "sequence": record.envelope.sequence,
        "offset": record.offset,
        "cause": record.envelope.cause,
        "summary": summary(message, instrument),
        "message": message.model_dump(mode="json"),
    }


def fill_row(record: LoggedRecord, instrument: Instrument | None) -> Row:
    """An execution of ours, in units of people; without its contract, price and size are None."""
    fill = decode(Fill, record.payload)
    half = fill.mid_half_ticks
    edge = None if not half else round(side_sign(fill.side) * bps(half - 2 * fill.price_ticks, half), 4)
    return {
        "event_id": record.envelope.event_id,
        "time_ms": milliseconds(fill.event_time_ns),
        "time": iso_time(fill.event_time_ns),
        "symbol": fill.symbol,
        "venue": fill.venue,
        "side": fill.side,
        "price": None if instrument is None else price_text(fill.price_ticks, instrument),
        "size": None if instrument is None else size_text(fill.size_lots, instrument),
        "liquidity": fill.liquidity,
        "fee": money_text(fill.fee),
        "fee_currency": fill.fee_currency,
        "edge_bps": edge,
        "client_order_id": fill.client_order_id,
        "venue_trade_id": fill.venue_trade_id,
    }


def audit_row(record: LoggedRecord) -> Row:
    """What a person did, or was not allowed to do."""
    message = decode(MESSAGE_TYPES[record.envelope.type_name], record.payload)
    principal, action, detail, outcome = _audited(message)
    return {
        "time_ms": milliseconds(record.envelope.event_time_ns),
        "time": iso_time(record.envelope.event_time_ns),
        "principal": principal,
        "action": action,
        "key": record.key,
        "reason": getattr(message, "reason", getattr(message, "note", "")) or detail,
        "outcome": outcome,
        "event_id": record.envelope.event_id,
    }


def _audited(message: Any) -> tuple[str, str, str, str]:
    """(principal, action, detail, outcome) of a message of people."""
    by_type: dict[type, Callable[[Any], tuple[str, str, str, str]]] = {
        Command: lambda each: (each.principal, each.action, "", "sent"),
        SettingChange: lambda each: (
            _two(each.requester, each.approver),
            f"set {each.setting_key} = {each.value}",
            "",
            "sent",
        ),
        Override: lambda each: (
            _two(each.requester, each.approver),
            "override",
            ", ".join(each.codes),
            "sent",
        ),
        Proposal: lambda each: (each.requester, f"propose {_thing(each)}", "", "proposed"),
        Decision: lambda each: (
            each.principal,
            f"decide on {each.proposal_id}",
            "",
            "approved" if each.approved else "rejected",
        ),
        AccessEvent: lambda each: (
            each.principal,
            each.kind.replace("_", " "),
            f"{each.detail} from {each.address}",
            "refused" if each.kind in {"denied", "sign_in_failed"} else "done",
        ),
    }
    found = by_type.get(type(message))
    return (message.principal, "acknowledge", "", "done") if found is None else found(message)


def _two(requester: str, approver: str | None) -> str:
    return requester if approver is None else f"{requester} and {approver}"


def _thing(proposal: Proposal) -> str:
    subject = proposal.subject
    return (
        f"{subject.setting_key} = {subject.value}" if isinstance(subject, ProposedSetting) else "an override"
    )
