"""Records of the log as rows for display, sorting and export."""

import json
from collections.abc import Callable
from typing import Any

from gateway_api.access.visibility import LANE_OF, Sight
from gateway_api.app.numbers import amount_text, milliseconds, price_text, size_text
from gateway_api.app.view_models import adjustment_text
from gateway_api.history.summaries import summary
from runtime.log.logfile import LoggedRecord
from runtime.text import iso_time
from schemas.control import (
    AccessEvent,
    Adjustment,
    Command,
    Decision,
    Override,
    Proposal,
    ProposedAdjustment,
    ProposedSetting,
    SettingChange,
)
from schemas.envelope import decode
from schemas.market import Instrument
from schemas.names import shown
from schemas.orders import Fill
from schemas.risk import RiskAlert
from schemas.topics import MESSAGE_TYPES
from schemas.units import bps, side_sign

Row = dict[str, Any]


def sees_record(sight: Sight, record: LoggedRecord) -> bool:
    """Whether a record is visible: its lane, type, symbol and content."""
    type_name = record.envelope.type_name
    if LANE_OF.get(record.topic) not in sight.lanes() or not sight.sees(type_name, record.key):
        return False
    return type_name != RiskAlert.type_name or sight.sees_event(decode(RiskAlert, record.payload))


def holds_text(sight: Sight, record: LoggedRecord, text: str) -> bool:
    """Whether the visible part contains a text. Hidden fields are not searched: a match would reveal them."""
    if not text or text in record.key:
        return True
    if text.encode() not in record.payload:
        return False
    message = decode(MESSAGE_TYPES[record.envelope.type_name], record.payload)
    return text in json.dumps(sight.fields_of(message), separators=(",", ":"), ensure_ascii=False)


def event_row(sight: Sight, record: LoggedRecord, contract: Callable[[str, int], Instrument | None]) -> Row:
    """Any record, with the visible part of its message; `contract` finds one by key and version."""
    message = decode(MESSAGE_TYPES[record.envelope.type_name], record.payload)
    version = getattr(message, "instrument_version", None)
    instrument = None if version is None else contract(record.key, version)
    return {
        "event_id": record.envelope.event_id,
        "time_ns": str(record.envelope.event_time_ns),
        "time_ms": milliseconds(record.envelope.event_time_ns),
        "time": iso_time(record.envelope.event_time_ns),
        "topic": record.topic,
        "lane": LANE_OF[record.topic],
        "type": record.envelope.type_name,
        "key": record.key,
        "producer": record.envelope.producer,
        "sequence": record.envelope.sequence,
        "offset": record.offset,
        "cause": record.envelope.cause,
        "summary": shown(summary(message, instrument, sight.hidden(message))),
        "message": sight.fields_of(message),
    }


def fill_row(sight: Sight, record: LoggedRecord, instrument: Instrument | None) -> Row:
    """An execution of ours, in price and base units; without its contract, price and size are None."""
    fill = decode(Fill, record.payload)
    hidden = sight.hidden(fill)
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
        "fee": None if "fee" in hidden else amount_text(fill.fee),
        "fee_currency": None if "fee_currency" in hidden else fill.fee_currency,
        "edge_bps": None if "mid_half_ticks" in hidden else edge,
        "client_order_id": fill.client_order_id,
        "venue_trade_id": fill.venue_trade_id,
    }


def audit_row(record: LoggedRecord) -> Row:
    """A user action or a denied attempt."""
    message = decode(MESSAGE_TYPES[record.envelope.type_name], record.payload)
    principal, action, detail, outcome = _audited(message)
    return {
        "time_ms": milliseconds(record.envelope.event_time_ns),
        "time": iso_time(record.envelope.event_time_ns),
        "principal": shown(principal),
        "action": shown(action),
        "key": shown(record.key),
        "reason": shown(getattr(message, "reason", getattr(message, "note", "")) or detail),
        "outcome": outcome,
        "event_id": record.envelope.event_id,
    }


def _audited(message: Any) -> tuple[str, str, str, str]:
    """(principal, action, detail, outcome) of a control message."""
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
        Adjustment: lambda each: (
            _two(each.principal, each.approver),
            f"{each.kind} {each.size_change:+f}{'' if each.price is None else f' at {each.price:f}'}",
            "",
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
    if isinstance(subject, ProposedSetting):
        return f"{subject.setting_key} = {subject.value}"
    return adjustment_text(subject) if isinstance(subject, ProposedAdjustment) else "an override"
