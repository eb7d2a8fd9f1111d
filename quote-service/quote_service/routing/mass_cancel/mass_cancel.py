"""Progress of mass cancels, after a halt or at shutdown: confirmed only by what the venue has shown.

One mass cancel for the account, and one for each symbol halted on its own. Nothing is sent here: the
planner cancels; this reports whether it is done.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field

from quote_service.routing.account import AccountState
from quote_service.routing.gate import codes
from quote_service.routing.orders.client_ids import is_taker_id
from quote_service.routing.symbol_state import RoutedSymbol
from schemas.carried.router import CarriedMassCancel
from schemas.message import ALL_SYMBOLS
from schemas.orders import REMOVED, KillReport, KillState, VenueOpenOrders
from schemas.risk import TradingState

_UNREPORTED = ("an earlier session said so",)
"""Of a carried mass cancel: its next outcome is always reported again."""


@dataclass(slots=True)
class MassCancel:
    """The state of one mass cancel."""

    venue: str
    symbol: str
    state: KillState = "none"
    reasons: tuple[str, ...] = ()
    began_ns: int = 0
    reported: tuple[str, ...] = ()
    """State, reasons and ids of the newest report; empty: none, or the mass cancel has ended."""
    seen: dict[str, None] = field(default_factory=dict)
    """Every order that was open since it began."""
    shard: int | None = None
    """The shard of the router whose part of the account this is."""
    shards: int = 1

    def begin(self, reasons: tuple[str, ...], now_ns: int) -> None:
        """Start, or restart because the reasons changed."""
        if self.state == "none":
            self.seen.clear()
        if self.state == "none" or self.reasons != reasons:
            self.state, self.began_ns = "cancelling", now_ns
        self.reasons = reasons

    def is_left_open(self, risk: TradingState | None) -> bool:
        """Does it belong to a halt whose present state this session has not received yet?"""
        return risk is None and codes.RISK_HALT in self.reasons

    def end(self) -> None:
        """Orders are allowed again."""
        self.state, self.reasons = "none", ()

    def report(
        self, open_ids: tuple[str, ...], now_ns: int, deadline_ns: int, *, is_proven: bool, flattens: bool
    ) -> KillReport | None:
        """The report that is due; None: nothing changed since the last one.

        `flattens`: orders that reduce go out meanwhile, and are no part of it: once proven it stays so.
        """
        if self.state == "none":
            return self._publish(now_ns, ()) if self.reported else None
        self.seen.update(dict.fromkeys(open_ids))
        if is_proven or (flattens and self.state == "confirmed" and not open_ids):
            self.state = "confirmed"
        elif now_ns - self.began_ns > deadline_ns:
            self.state = "incomplete"
        else:
            self.state = "cancelling"
        return self._publish(now_ns, open_ids)

    def _publish(self, now_ns: int, open_ids: tuple[str, ...]) -> KillReport | None:
        report_key = (self.state, *self.reasons, *open_ids)
        if report_key == self.reported:
            return None
        self.reported = report_key if self.state != "none" else ()
        return KillReport(
            event_time_ns=now_ns,
            venue=self.venue,
            symbol=self.symbol,
            state=self.state,
            reasons=self.reasons,
            began_ns=self.began_ns,
            open_orders=open_ids,
            orders=len(self.seen),
            shard=self.shard,
            shards=self.shards,
        )


class VenueTruth:
    """The venues' own answers about our open orders: the only proof that all are gone."""

    def __init__(self, *, is_simulated: bool) -> None:
        self._is_simulated = is_simulated
        self._shown: dict[str, tuple[int, tuple[str, ...]]] = {}
        """By venue: the time of the last query, and the ids it returned."""
        self._sent_ns: dict[str, dict[str, int]] = {}
        """By venue and the symbol's id prefix."""

    def record_sent(self, venue: str, id_prefix: str, now_ns: int) -> None:
        """An intent went out or an order ended: earlier answers prove nothing about this symbol."""
        self._sent_ns.setdefault(venue, {})[id_prefix] = now_ns

    def observe_open(self, venue: str, own: Sequence[str], asked_ns: int) -> None:
        """The venue's answer to the query of that time."""
        self._shown[venue] = (asked_ns, tuple(own))

    def standing(self, shown: VenueOpenOrders, id_prefix: str) -> tuple[str, ...]:
        """The ids of a symbol in this answer and in the one before, where both were asked for after the
        newest message about the symbol: one answer alone may lag behind the venue's matching.
        """
        asked_ns, before = self._shown.get(shown.venue, (-1, ()))
        if asked_ns <= self._sent_ns.get(shown.venue, {}).get(id_prefix, -1) or shown.asked_ns <= asked_ns:
            return ()
        return tuple(each for each in shown.own if each.startswith(f"{id_prefix}-") and each in before)

    def shown(self, venue: str) -> tuple[str, ...]:
        """The ids of ours in the venue's last answer."""
        return self._shown.get(venue, (-1, ()))[1]

    def is_proven_empty(self, venue: str, since_ns: int, id_prefix: str | None = None) -> bool:
        """Has the venue shown no order of ours (of a symbol, or at all) when queried after `since_ns` and
        after the newest message about one?

        The venue is queried even if nothing was sent: an earlier session may have left orders, also on
        symbols no longer traded. At a simulated venue, which has only our orders, an empty table is proof.
        """
        if self._is_simulated:
            return True
        sent = self._sent_ns.get(venue, {})
        if id_prefix is not None:
            sent = {id_prefix: sent[id_prefix]} if id_prefix in sent else {}
        asked_ns, own = self._shown.get(venue, (-1, ()))
        if id_prefix is not None:
            own = tuple(order_id for order_id in own if order_id.startswith(f"{id_prefix}-"))
        return not own and asked_ns > max((since_ns, *sent.values()))


class MassCancels:
    """All mass cancels, with the last report of each."""

    def __init__(
        self, truth: VenueTruth, deadline_ns: int, shard: int | None = None, shards: int = 1
    ) -> None:
        """`shard`: of a router that has a part of the account; its part is one, at whatever venues."""
        self._shard, self._shards = shard, shards
        self._truth = truth
        self._deadline_ns = deadline_ns
        self._by_key: dict[str, MassCancel] = {}
        """By `venue:symbol`; by `venue:*` for all of a venue; by `*:*` for a shard's part of the account."""

    def judge(
        self, symbols: Collection[RoutedSymbol], account: AccountState, now_ns: int
    ) -> list[KillReport]:
        """The reports that are due."""
        reports = []
        for venue in venues_of(symbols, account) if self._shard is None else (ALL_SYMBOLS,):
            own = (each for each in symbols if venue in (each.venue, ALL_SYMBOLS))
            ids = [order.client_order_id for each in own for order in each.orders.open.values()]
            ids += [order_id for order_id in self._truth.shown(venue) if order_id not in ids]
            mass_cancel = self._mass_cancel(venue, ALL_SYMBOLS, account.halt_reasons(), account.risk, now_ns)
            flattens = account.flattens and account.halt_reasons() == (codes.RISK_HALT,)
            reports.append(self._report(mass_cancel, ids, now_ns, None, flattens=flattens))
        for symbol in symbols:
            reasons = _reasons(symbol)
            ids = [order.client_order_id for order in symbol.orders.open.values()]
            mass_cancel = self._mass_cancel(symbol.venue, symbol.symbol, reasons, symbol.risk, now_ns)
            flattens = reasons == (codes.RISK_HALT,) and account.flattens_under_halt(symbol)
            reports.append(self._report(mass_cancel, ids, now_ns, symbol.orders.id_prefix, flattens=flattens))
        return [report for report in reports if report is not None]

    def carried(self) -> tuple[CarriedMassCancel, ...]:
        """Unfinished ones, for the next session."""
        return tuple(
            CarriedMassCancel(
                venue=each.venue,
                symbol=each.symbol,
                reasons=each.reasons,
                began_ns=each.began_ns,
                is_confirmed=each.state == "confirmed",
                seen=tuple(each.seen),
            )
            for each in self._by_key.values()
            if each.state != "none"
        )

    def restore(self, carried: Iterable[CarriedMassCancel], now_ns: int) -> None:
        """Resume them. Earlier proof is void: the venue must show it again."""
        for each in carried:
            found = self._by_key[f"{each.venue}:{each.symbol}"] = self._new(each.venue, each.symbol)
            found.state, found.reasons = "cancelling", each.reasons
            found.began_ns = now_ns if each.is_confirmed else each.began_ns
            found.reported = _UNREPORTED
            found.seen = dict.fromkeys(each.seen)

    def _new(self, venue: str, symbol: str) -> MassCancel:
        if symbol == ALL_SYMBOLS and self._shard is not None:
            return MassCancel(venue, symbol, shard=self._shard, shards=self._shards)
        return MassCancel(venue, symbol)

    def _mass_cancel(
        self, venue: str, symbol: str, reasons: tuple[str, ...], risk: TradingState | None, now_ns: int
    ) -> MassCancel | None:
        """The mass cancel of a symbol or of all, started or ended as due; None: there never was one."""
        key = f"{venue}:{symbol}"
        mass_cancel = self._by_key.get(key)
        if mass_cancel is None:
            if not reasons:
                return None
            mass_cancel = self._by_key[key] = self._new(venue, symbol)
        if reasons:
            mass_cancel.begin(reasons, now_ns)
        elif not mass_cancel.is_left_open(risk):
            mass_cancel.end()
        return mass_cancel

    def _report(
        self,
        mass_cancel: MassCancel | None,
        ids: list[str],
        now_ns: int,
        id_prefix: str | None,
        *,
        flattens: bool,
    ) -> KillReport | None:
        if mass_cancel is None:
            return None
        open_ids = [each for each in ids if not (flattens and is_taker_id(each))]
        is_proven = not open_ids and self._truth.is_proven_empty(
            mass_cancel.venue, mass_cancel.began_ns, id_prefix
        )
        return mass_cancel.report(
            tuple(open_ids), now_ns, self._deadline_ns, is_proven=is_proven, flattens=flattens
        )


def _reasons(symbol: RoutedSymbol) -> tuple[str, ...]:
    """Why everything of a symbol is cancelled; empty: it is not."""
    if symbol.removal is not None:
        return (REMOVED,)
    return (codes.RISK_HALT,) if symbol.risk == "HALT" else ()


def venues_of(symbols: Collection[RoutedSymbol], account: AccountState) -> list[str]:
    """Venues that may hold orders of ours, even before a contract is known: from earlier sessions."""
    traded = list(dict.fromkeys(symbol.venue for symbol in symbols))
    return traded or ([] if account.venue is None else [account.venue.id])
