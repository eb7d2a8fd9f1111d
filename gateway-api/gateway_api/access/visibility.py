"""Visibility rules as data: every lane, message type, field and stream part. Anything not listed is hidden.

History rows, current documents and stream parts are all built through a `Sight`, so a route cannot show more
than this table allows.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Literal, get_args

from gateway_api.access.identity import EVERYTHING, Identity
from gateway_api.access.roles import PERMISSIONS, Permission
from schemas.control import SettingChange
from schemas.message import ALL_SYMBOLS, Event
from schemas.risk import LimitUse, RiskAlert, RiskState
from schemas.setting_keys import symbol_of

Lane = Literal["market", "signal", "quote", "order", "fill", "risk", "system", "human"]
LANE_NAMES: tuple[Lane, ...] = get_args(Lane)
_ACCOUNT_SUFFIX = f":{ALL_SYMBOLS}"


@dataclass(frozen=True, slots=True)
class LaneRule:
    """A swimlane of the timeline."""

    topics: tuple[str, ...]
    permission: Permission


LANES: Mapping[Lane, LaneRule] = {
    "market": LaneRule(("market.instrument", "market.book", "market.trade", "market.refusal"), "view"),
    "signal": LaneRule(("market.signal", "monitor.statistics"), "view"),
    "quote": LaneRule(("quote.target",), "view"),
    "order": LaneRule(("order.event", "order.kill", "order.stop", "order.room", "venue.report"), "view"),
    "fill": LaneRule(("order.fill", "inventory.position", "inventory.balance", "account.balance"), "view"),
    "risk": LaneRule(("risk.state", "risk.alert"), "view"),
    "system": LaneRule(("process.trace", "process.epoch", "process.setting", "process.fault"), "view"),
    "human": LaneRule(("control.command", "control.people"), "audit"),
}
LANE_OF: Mapping[str, Lane] = {topic: lane for lane, rule in LANES.items() for topic in rule.topics}
IN_NO_LANE = frozenset({"market.feed", "process.state", "process.status"})
"""Topics without a lane. The raw input of monitor-service: its output is in the lane `market`. State carried
between sessions: shown by the views built from it. Process status: shown live, not part of the history."""


@dataclass(frozen=True, slots=True)
class TypeRule:
    """A message type."""

    fields: str
    """Fields visible to everyone who may see the message."""
    profit: str = ""
    """Fields that reveal PnL or fees: they require `pnl` for the message's symbol or account."""
    permission: Permission = "view"
    concerns_all: bool = False
    """Whether messages about the whole account or venue are visible with a scope of single symbols."""


_OF_SYMBOL = "event_time_ns venue symbol "
_OF_PEOPLE = _OF_SYMBOL + "request scope signature "
_OF_PROCESS = "event_time_ns process "
_CONTRACT = (
    _OF_SYMBOL
    + "version tick_size lot_size min_notional maker_fee_bps taker_fee_bps contract_kind multiplier "
    + "base_currency quote_currency reporting_rate filters inferred"
)
_RATE = _OF_SYMBOL + "base_currency quote_currency rate"
_LAG = _OF_SYMBOL + "lag_ms left_ms conflated"
TYPES: Mapping[str, TypeRule] = {
    "market.feed.instrument.v1": TypeRule(_CONTRACT),
    "market.feed.book.v1": TypeRule(
        _OF_SYMBOL + "exchange_time_ns snapshot sequence bid_prices bid_sizes ask_prices ask_sizes"
    ),
    "market.feed.trade.v1": TypeRule(
        _OF_SYMBOL + "exchange_time_ns price_ticks size_lots side trade_id",
    ),
    "market.feed.refused.v1": TypeRule(_OF_SYMBOL + "reason detail event_type command_id"),
    "market.instrument.v1": TypeRule(_CONTRACT),
    "market.book.v1": TypeRule(
        _OF_SYMBOL + "instrument_version exchange_time_ns status bid_prices bid_sizes ask_prices ask_sizes"
    ),
    "market.trade.v1": TypeRule(
        _OF_SYMBOL + "instrument_version exchange_time_ns price_ticks size_lots side trade_id"
    ),
    "market.feed.lag.v1": TypeRule(_LAG),
    "market.lag.v1": TypeRule(_LAG),
    "market.removed.v1": TypeRule(_OF_SYMBOL + "command_id"),
    "inventory.balance.v1": TypeRule(
        _OF_SYMBOL
        + "instrument_version sequence stage side size_lots urgency cost_bps valid_until_ns "
        + "flattens held_back"
    ),
    "market.signal.v1": TypeRule(
        _OF_SYMBOL
        + "book_status book_time_ns mid_half_ticks spread_ticks weighted_mid_ticks volatility_per_sqrt_s "
        + "volatility_ready regime jump bid_depth_lots ask_depth_lots imbalance flow_imbalance "
        + "flow_volume_lots robust_volatility_per_sqrt_s noise without_jumps_per_sqrt_s ofi toxicity "
        + "jump_volatility_per_sqrt_s arrival_rate_per_s arrival_decay_per_tick arrival_ready "
        + "taker_buy_depths taker_sell_depths"
    ),
    "market.feed.rate.v1": TypeRule(_RATE),
    "market.rate.v1": TypeRule(_RATE),
    "market.refusal.v1": TypeRule(_OF_SYMBOL + "reason detail command_id"),
    "monitor.statistics.v1": TypeRule(
        _OF_SYMBOL
        + "window_start_ns version book_ns spread_bps trades taker_buy_lots taker_sell_lots "
        + "unknown_side_lots flow_lots quoting_ns two_sided_ns bid_at_top_ns ask_at_top_ns fills bought_lots "
        + "sold_lots orders_ended orders_with_fill fills_per_quoting_s"
    ),
    "quote.target.v1": TypeRule(
        _OF_SYMBOL + "instrument_version sequence valid_until_ns mid_half_ticks model model_because bid ask"
    ),
    "order.event.v1": TypeRule(
        _OF_SYMBOL
        + "instrument_version kind status client_order_id side level price_ticks size_lots filled_lots "
        + "revision target_sequence time_in_force reasons"
    ),
    "order.room.v1": TypeRule(
        _OF_SYMBOL + "instrument_version position_lots_max waits_for_messages refused",
        profit="buy_lots_max sell_lots_max",
    ),
    "order.kill.v1": TypeRule(
        _OF_SYMBOL + "state reasons began_ns open_orders orders shard shards", concerns_all=True
    ),
    "order.stop.v1": TypeRule(_OF_SYMBOL + "code text needs_person asks_trades"),
    "venue.report.v1": TypeRule(
        _OF_SYMBOL
        + "kind client_order_id side price_ticks size_lots venue_trade_id liquidity executed_ns recovered "
        + "reason instrument_version",
        profit="fee fee_currency base_fee mid_half_ticks",
    ),
    "venue.status.v1": TypeRule(
        _OF_SYMBOL + "state reason clock_offset_us dead_mans_switch_armed held_until_ns", concerns_all=True
    ),
    "venue.balances.v1": TypeRule(_OF_SYMBOL + "asked_ns trades_read", profit="balances"),
    "venue.positions.v1": TypeRule(_OF_SYMBOL + "asked_ns", profit="positions"),
    "venue.orders.open.v1": TypeRule(_OF_SYMBOL + "asked_ns own foreign"),
    "order.fill.v1": TypeRule(
        _OF_SYMBOL
        + "instrument_version venue_trade_id client_order_id side price_ticks size_lots liquidity "
        + "executed_ns purpose",
        profit="fee fee_currency base_fee mid_half_ticks report_mid_half_ticks",
    ),
    "order.account.change.v1": TypeRule(
        _OF_SYMBOL + "instrument_version change_id kind size_change_lots reason", profit="price"
    ),
    "account.balance.v1": TypeRule(_OF_SYMBOL + "currency", profit="total"),
    "inventory.position.v1": TypeRule(
        _OF_SYMBOL
        + "instrument_version quote_currency position_lots mark_half_ticks notional_reporting fills "
        + "traded_notional bias rebalance_action rebalance_size_lots rebalance_urgency base_fees_taken "
        + "owed_lots adjustments counted_in halted_because",
        profit="average_price_ticks realised unrealised fees pnl pnl_capture pnl_inventory pnl_balance "
        "max_drawdown "
        "pnl_reporting adverse_bps adverse_bid_bps adverse_bid_horizon_ms adverse_ask_bps "
        "adverse_ask_horizon_ms open_fees open_fees_reserve pnl_peak",
    ),
    "risk.state.v1": TypeRule(
        _OF_SYMBOL
        + "state reasons latched halt_sequence resume_asked_by flattens flatten_asked_by limits "
        + "mark_time_ns",
        concerns_all=True,
    ),
    "risk.alert.v1": TypeRule(_OF_SYMBOL + "alert_id severity name message value limit", concerns_all=True),
    "process.config.v1": TypeRule(
        _OF_PROCESS
        + "code_version config_hash config session_began_ns sources_hash live_settings "
        + "sequence_before",
        permission="audit",
    ),
    "process.trace.v1": TypeRule(_OF_PROCESS + "entries last_output_sequence state_digest"),
    "process.status.v1": TypeRule(
        _OF_PROCESS
        + "instance shards code_version began_ns session_began_ns epoch is_ready because has_ended inputs "
        + "published newest_input_ns lag outbox_records outbox_age_ms halts store disk stages"
    ),
    "process.epoch.v1": TypeRule(_OF_PROCESS + "instance"),
    "process.setting.v1": TypeRule(_OF_PROCESS + "change_id setting_key value refused_because"),
    "process.adjustment.v1": TypeRule(
        _OF_PROCESS + "venue symbol change_id size_change position base_change mid refused_because",
        profit="price",
    ),
    "process.fault.v1": TypeRule(
        _OF_PROCESS + "venue symbol message_type topic event_id error detail", permission="audit"
    ),
    "control.command.v1": TypeRule(
        _OF_PEOPLE + "command_id action principal reason halt_sequence agrees_with force",
        permission="audit",
        concerns_all=True,
    ),
    "control.override.v1": TypeRule(
        _OF_PEOPLE
        + "override_id instrument_version side price_ticks size_lots codes valid_until_ns requester approver "
        + "reason valid_s approved_digest",
        permission="audit",
    ),
    "control.setting.v1": TypeRule(
        _OF_PEOPLE + "change_id setting_key value requester approver reason approved_digest was",
        permission="audit",
        concerns_all=True,
    ),
    "control.adjustment.v1": TypeRule(
        _OF_PEOPLE + "adjustment_id kind size_change price principal approver reason approved_digest",
        permission="audit",
    ),
    "control.proposal.v1": TypeRule(
        _OF_PEOPLE + "proposal_id requester reason valid_until_ns subject",
        permission="audit",
        concerns_all=True,
    ),
    "control.decision.v1": TypeRule(
        _OF_PEOPLE + "proposal_id principal approved reason approved_digest",
        permission="audit",
        concerns_all=True,
    ),
    "control.acknowledgement.v1": TypeRule(_OF_PEOPLE + "alert_id principal note", concerns_all=True),
    "control.access.v1": TypeRule(_OF_PEOPLE + "kind principal address detail", permission="audit"),
}
"""An acknowledgement is part of its alert and requires no more than the alert; among history rows it is in
the lane `human` and requires that lane's permission too. Sign-ins and their addresses are only visible with
the account in scope."""

PLAIN_LIMITS = frozenset({"position"})
"""Limits whose utilisation does not reveal PnL. Exposure does: it is a share of equity, capital plus PnL."""
_NEAR = "NEAR_"
"""Prefix of alerts for a limit that is near, followed by the limit's name."""

StreamPart = Literal[
    "engine",
    "account",
    "view",
    "symbols",
    "fills",
    "alerts",
    "proposals",
    "changes",
    "commands",
    "detail",
]
STREAM_PARTS: Mapping[StreamPart, Permission] = {
    "engine": "view",
    "account": "view",
    "view": "view",
    "symbols": "view",
    "fills": "view",
    "alerts": "view",
    "detail": "view",
    "proposals": "audit",
    "changes": "audit",
    "commands": "audit",
}
SERIES: Mapping[str, Permission] = {"inventory": "view", "pnl": "pnl", "quotes": "view"}
"""The series of the history."""


@dataclass(frozen=True, slots=True)
class Sight:
    """What a user may see. Users with equal sights can share the same document."""

    permissions: frozenset[Permission]
    scope: tuple[str, ...] = field(default=(EVERYTHING,))

    def reaches(self, key: str) -> bool:
        """Whether a symbol, or with `*:*` the account, is in scope."""
        return EVERYTHING in self.scope or key in self.scope

    def reaches_symbol(self, symbol: str) -> bool:
        """Whether a symbol of any venue is in scope."""
        return EVERYTHING in self.scope or any(key.partition(":")[2] == symbol for key in self.scope)

    def may(self, permission: Permission, key: str) -> bool:
        """Whether a permission is granted for a symbol or the account."""
        return permission in self.permissions and self.reaches(key)

    def sees(self, type_name: str, key: str) -> bool:
        """Whether messages of a type about a symbol, the account or a process may be shown at all."""
        rule = TYPES.get(type_name)
        if rule is None or rule.permission not in self.permissions:
            return False
        return self.reaches(key) or (rule.concerns_all and key.endswith(_ACCOUNT_SUFFIX))

    def sees_event(self, event: Event) -> bool:
        """Whether this message may be shown. A loss near its limit reveals PnL; one symbol's setting is
        about that symbol."""
        if isinstance(event, RiskAlert) and not self._sees_alert(event):
            return False
        symbol = symbol_of(event.setting_key) if isinstance(event, SettingChange) else None
        if symbol is not None and not self.reaches_symbol(symbol):
            return False
        return self.sees(event.type_name, event.key)

    def _sees_alert(self, alert: RiskAlert) -> bool:
        of_limit = alert.name.startswith(_NEAR) or alert.value is not None
        limit = alert.name.removeprefix(_NEAR).lower()
        return not of_limit or limit in PLAIN_LIMITS or self.may("pnl", alert.key)

    def hidden(self, event: Event) -> frozenset[str]:
        """The hidden fields of a message."""
        return self.hidden_fields(type(event), event.key)

    def hidden_fields(self, message: type[Event], key: str) -> frozenset[str]:
        """The hidden fields of a type for a symbol, the account or a process."""
        return _hidden(message, self.may("pnl", key))

    def limits(self, state: RiskState | None) -> tuple[LimitUse, ...]:
        """The visible limit utilisations of a risk state."""
        if state is None:
            return ()
        of_profit = self.may("pnl", state.key)
        return tuple(use for use in state.limits if of_profit or use.name in PLAIN_LIMITS)

    def fields_of(self, event: Event) -> dict[str, Any]:
        """A message as plain data, without hidden fields."""
        if isinstance(event, RiskState):
            event = event.model_copy(update={"limits": self.limits(event)})
        return event.model_dump(mode="json", exclude=set(self.hidden(event)))

    def lanes(self) -> tuple[Lane, ...]:
        """The visible lanes."""
        return tuple(lane for lane in LANE_NAMES if LANES[lane].permission in self.permissions)

    def document(self) -> dict[str, list[str]]:
        """The form passed to the history process."""
        return {"permissions": sorted(self.permissions), "scope": list(self.scope)}


@cache
def _hidden(message: type[Event], shows_profit: bool) -> frozenset[str]:
    rule = TYPES.get(message.type_name, TypeRule(""))
    shown = frozenset(rule.fields.split())
    if shows_profit:
        shown |= frozenset(rule.profit.split())
    return frozenset(message.model_fields) - shown


ALL_OF_IT = Sight(frozenset(PERMISSIONS))


def sight_of(identity: Identity) -> Sight:
    """The sight of a signed-in user."""
    held = frozenset(permission for permission in PERMISSIONS if identity.may(permission))
    return Sight(held, tuple(sorted(identity.scope)))


def sight_from(document: Mapping[str, list[str]]) -> Sight:
    """The sight from its document form; unknown permissions are ignored."""
    held = frozenset(permission for permission in PERMISSIONS if permission in document["permissions"])
    return Sight(held, tuple(document["scope"]))
