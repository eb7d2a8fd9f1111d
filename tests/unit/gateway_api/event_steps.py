"""What may happen in a session of two symbols, as steps that hypothesis chooses and the messages of each."""

from collections.abc import Iterator
from decimal import Decimal

from hypothesis import strategies as st

from schemas.control import Acknowledgement, Decision, Proposal
from schemas.market import Refusal
from schemas.message import Event
from schemas.orders import KillReport
from schemas.risk import RiskAlert
from schemas.statistics import MinuteStatistics
from schemas.units import NS_PER_S
from tests.unit.gateway_api.conftest import START_S, Messages
from tests.unit.gateway_api.setting_changes import OTHER, SPREAD, change, taken

BTC, ETH, ACCOUNT = Messages(), Messages("ETH/USDT"), Messages("*", "*")
COUNTS = (
    "book_ns", "trades", "taker_buy_lots", "taker_sell_lots", "unknown_side_lots", "flow_lots", "quoting_ns",
    "two_sided_ns", "bid_at_top_ns", "ask_at_top_ns", "fills", "bought_lots", "sold_lots", "orders_ended",
    "orders_with_fill",
)  # fmt: skip


def at_ns(seconds: float) -> int:
    return int((START_S + seconds) * NS_PER_S)


def orders(of: Messages, t: float, number: int) -> Iterator[Event]:
    side, price = ("buy", 9_990 - number % 3) if number % 2 else ("sell", 10_010 + number % 3)
    name = {"client_order_id": f"o-{side}-{number % 4}"}
    match number % 5:
        case 0 | 1:
            yield of.order(t, "place_intent", "pending_new", side, price, **name)
            yield of.accepted(t, side, price, **name)
        case 2:
            yield of.order(t, "amended", "live", side, price, **name)
        case 3:
            yield of.order(t, "cancelled", "cancelled", side, price, **name)
        case _:
            yield of.order(t, "denied", "denied", side, price, client_order_id=f"d-{number}")


def people(t: float, number: int) -> Iterator[Event]:
    now = ACCOUNT.at(t)
    match number % 6:
        case 0:
            subject = {"kind": "setting", "setting_key": "risk_limits.max_loss", "value": "-900"}
            yield Proposal(
                **now,
                request=f"{number:032x}-{number:032x}",
                proposal_id=f"p-{number}",
                requester=f"person-{number % 3}",
                reason="r",
                valid_until_ns=at_ns(t + 20),
                subject=subject,
            )
        case 1:
            yield Decision(**now, proposal_id=f"p-{number - 1}", principal="bob", approved=False)
        case 2:
            one = change(ACCOUNT, int(t * 1_000), SPREAD if number % 4 else OTHER, f"0.00{1 + number % 9}")
            yield one
            yield from taken(one)[: number % 3]
        case 3:
            yield Acknowledgement(**now, alert_id=f"risk-{number - 1}", principal="ann")
        case 4:
            yield BTC.alert(t, "warning", number - 2).model_copy(update={"name": f"N{number % 7}"})
        case _:
            action = ("start", "stop", "halt")[number % 3]
            yield (ACCOUNT if number % 2 else ETH).command(t, action, f"c-{number}")


def risk(of: Messages, t: float, number: int) -> Iterator[Event]:
    who = ACCOUNT if number % 3 == 0 else of
    yield who.risk(t, ("RUN", "HALT", "REDUCE_ONLY")[number % 3])
    yield KillReport(
        **who.at(t),
        state=("none", "cancelling")[number % 2],
        reasons=("X",),
        began_ns=at_ns(t),
        orders=number,
    )


def money(of: Messages, t: float, number: int) -> Iterator[Event]:
    lots, mark = number % 7 - 3, 20_000 + number % 11
    pnl = Decimal(number) / 8
    yield of.fill(t, number)
    yield of.position(t, lots, mark, pnl=pnl, pnl_reporting=pnl)
    yield of.signal(t).model_copy(update={"mid_half_ticks": None if number % 4 == 0 else mark + number % 5})


def market(of: Messages, t: float, number: int) -> Iterator[Event]:
    yield of.book(t)
    yield of.trade(t, number)
    yield Refusal(**of.at(t), reason="old_sequence", detail="x")
    yield of.target(t)
    yield MinuteStatistics.model_validate(
        dict.fromkeys(COUNTS, number)
        | of.at(t)
        | {"window_start_ns": number * 60 * NS_PER_S, "version": 1, "spread_bps": None}
        | {"fills_per_quoting_s": None}
    )


KINDS = {
    "orders": orders,
    "people": lambda of, t, number: people(t, number),
    "risk": risk,
    "money": money,
    "market": market,
}
STEPS = st.lists(st.tuples(st.sampled_from(sorted(KINDS)), st.booleans(), st.integers(0, 40)), max_size=30)


def told(steps: list[tuple[str, bool, int]], since_s: float, before: list[Event]) -> list[Event]:
    """Some messages a second. Nobody has seen an alert that was not told."""
    events: list[Event] = []
    alerts = {event.alert_id for event in before if isinstance(event, RiskAlert)}
    for second, (kind, is_btc, number) in enumerate(steps):
        for event in KINDS[kind](BTC if is_btc else ETH, since_s + second, number):
            if isinstance(event, RiskAlert):
                alerts.add(event.alert_id)
            if not isinstance(event, Acknowledgement) or event.alert_id in alerts:
                events.append(event)
    return events
