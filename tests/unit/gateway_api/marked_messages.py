"""A message of every type, with marks in what not everybody may see."""

from decimal import Decimal
from typing import Any

from gateway_api.access.identity import Identity
from gateway_api.access.roles import Role

from schemas.control import AccessEvent, Acknowledgement, Decision, SettingChange
from schemas.envelope import decode
from schemas.inventory import Position
from schemas.message import Event
from schemas.orders import AccountChange, Fill, VenueReport
from schemas.process import AdjustmentApplied, SettingApplied
from schemas.risk import RiskAlert, RiskState
from schemas.topics import MESSAGE_TYPES, TOPIC_OF, TOPICS
from tests.contract.example_values import FOLDER

START_S = 1_700_000_000
BTC, ETH = "synthetic:BTC/USDT", "synthetic:ETH/USDT"
PROFIT, HUMAN, ADDRESS, OTHER = "7770", "HUMAN-CANARY", "203.0.113.77", "BTC"
MARKS: dict[type[Event], dict[str, Any]] = {
    Position: dict.fromkeys(
        ("realised", "unrealised", "fees", "pnl", "pnl_capture", "pnl_inventory", "max_drawdown"),
        Decimal("7770.0001"),
    )
    | {"pnl_reporting": Decimal("7770.0002"), "average_price_ticks": Decimal(777_000), "adverse_bps": 7770.5},
    Fill: {"fee": Decimal("7770.5"), "fee_currency": "FEE7770", "base_fee": Decimal("7770.7")},
    AccountChange: {"price": Decimal("7770.6")},
    AdjustmentApplied: {"price": Decimal("7770.8")},
    VenueReport: {"fee": Decimal("7770.5"), "fee_currency": "FEE7770", "base_fee": Decimal("7770.7")},
    AccessEvent: {"principal": HUMAN, "address": ADDRESS, "detail": ADDRESS},
    Decision: {"principal": HUMAN, "reason": HUMAN, "proposal_id": "decided"},
    Acknowledgement: {"principal": "seen-by", "note": "seen"},
}


def example(type_name: str) -> Event:
    return decode(MESSAGE_TYPES[type_name], (FOLDER / f"{type_name}.json").read_bytes())


def marked(number: int, type_name: str, key: str) -> Event:
    """The golden message of a type, at a second of its own, about a symbol or the account, with the marks."""
    message = example(type_name)
    marks: dict[str, Any] = {"event_time_ns": (START_S + number) * 1_000_000_000}
    if "symbol" in type(message).model_fields:
        venue, _, symbol = key.partition(":")
        marks |= {"venue": venue, "symbol": symbol}
    if type_name == "control.override.v1":
        marks |= {"valid_until_ns": marks["event_time_ns"] + 1_000_000_000}
    if "base_currency" in type(message).model_fields:
        marks |= {"base_currency": key.partition(":")[2].partition("/")[0]}
    if "instrument_version" in type(message).model_fields:
        marks |= {"instrument_version": 1}
    for name in ("requester", "approver", "principal", "reason"):
        if type_name.startswith("control.") and name in type(message).model_fields:
            marks |= {name: f"{HUMAN} {name}"}
    for name in ("alert_id", "proposal_id", "change_id", "command_id", "client_order_id", "venue_trade_id"):
        if name in type(message).model_fields:
            marks |= {name: f"{key.partition(':')[2]}-{number}"}
    return message.model_copy(update=marks | MARKS.get(type(message), {}))


def loss(message: RiskState | RiskAlert) -> Event:
    if isinstance(message, RiskAlert):
        near = {"name": "NEAR_LOSS", "message": "loss is at 7770 %", "value": -7770.0, "limit": -8000.0}
        return message.model_copy(update=near)
    use = message.limits[0].model_copy(update={"name": "loss", "value": -7770.75, "limit": -8000.0})
    return message.model_copy(update={"limits": (use,)})


SHOWN = [name for name in MESSAGE_TYPES if TOPIC_OF[name] != "process.state"]
"""What is carried from one session to the next is shown to nobody."""


def everything() -> list[Event]:
    """Every type, about two symbols, and about the account where there is such a message."""
    said: list[Event] = []
    for type_name in SHOWN:
        message = MESSAGE_TYPES[type_name]
        of_symbols = "symbol" in message.model_fields
        keys = [BTC, ETH, "synthetic:*", "*:*"] if of_symbols else ["", "", "*:*"]
        keys = keys[:2] if type_name in OF_SYMBOLS_ALONE else keys[2:] if type_name in OF_ALL_ALONE else keys
        for key in keys:
            event = marked(len(said), type_name, key)
            said.append(loss(event) if isinstance(event, RiskState | RiskAlert) else event)
    said += [
        marked(len(said), "risk.alert.v1", "*:*").model_copy(update={"name": "FEED", "value": None}),
        SettingApplied(
            event_time_ns=(START_S + len(said)) * 1_000_000_000,
            process="quote-service",
            change_id=next(each.change_id for each in said if isinstance(each, SettingChange)),
            setting_key="market_making.base_spread",
            value="0.003",
        ),
    ]
    return said


OF_ALL_ALONE = {
    "venue.status.v1",
    "venue.balances.v1",
    "venue.positions.v1",
    "venue.orders.open.v1",
    "control.access.v1",
} | {name for name, message in MESSAGE_TYPES.items() if "symbol" not in message.model_fields}
OF_SYMBOLS_ALONE = {
    name
    for topic in TOPICS
    if topic.key == "symbol"
    for name in (message.type_name for message in topic.messages)
}
SCOPES = {"wide": ("*",), "narrow": (ETH,)}


def identity(role: Role, scope: str) -> Identity:
    return Identity("x", (role,), SCOPES[scope], "token", "s", 2e9)
