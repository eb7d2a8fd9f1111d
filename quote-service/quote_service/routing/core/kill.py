"""How far the withdrawal of all orders is, after a halt or at the end: confirmed is what the venue has shown.

One withdrawal of the account, and one for each symbol with a halt of its own. Nothing is sent here: the
reconciler cancels; this says whether it is done.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from quote_service.routing.core import codes
from quote_service.routing.core.account import Account
from quote_service.routing.core.order_states import Order
from quote_service.routing.core.symbol_state import SymbolState
from schemas.message import ALL_SYMBOLS
from schemas.orders import KillReport, KillState


@dataclass(slots=True)
class Withdrawal:
    """The state of one withdrawal."""

    venue: str
    symbol: str
    state: KillState = "none"
    reasons: tuple[str, ...] = ()
    began_ns: int = 0
    reported: tuple[str, ...] = ()
    """State, reasons and ids of the newest report; empty: none, or one that it has ended."""
    seen: dict[str, None] = field(default_factory=dict)
    """Every order that was open since it began."""

    def begin(self, reasons: tuple[str, ...], now_ns: int) -> None:
        """Everything is to be withdrawn, from now on, or for other reasons than before."""
        if self.state == "none":
            self.began_ns = now_ns
            self.seen.clear()
        if self.state == "none" or self.reasons != reasons:
            self.state = "cancelling"
        self.reasons = reasons

    def end(self) -> None:
        """Orders are allowed again."""
        self.state, self.reasons = "none", ()

    def report(
        self, open_ids: tuple[str, ...], now_ns: int, deadline_ns: int, *, is_proven: bool
    ) -> KillReport | None:
        """The report that is due; None: nothing has changed since the last one."""
        if self.state == "none":
            return self._say(now_ns, ()) if self.reported else None
        self.seen.update(dict.fromkeys(open_ids))
        if is_proven:
            self.state = "confirmed"
        elif now_ns - self.began_ns > deadline_ns:
            self.state = "incomplete"
        else:
            self.state = "cancelling"
        return self._say(now_ns, open_ids)

    def _say(self, now_ns: int, open_ids: tuple[str, ...]) -> KillReport | None:
        said = (self.state, *self.reasons, *open_ids)
        if said == self.reported:
            return None
        self.reported = said if self.state != "none" else ()
        return KillReport(
            event_time_ns=now_ns,
            venue=self.venue,
            symbol=self.symbol,
            state=self.state,
            reasons=self.reasons,
            began_ns=self.began_ns,
            open_orders=open_ids,
            orders=len(self.seen),
        )


class VenueTruth:
    """What the venues themselves showed of our open orders: the only proof that all are gone."""

    def __init__(self, *, is_simulated: bool) -> None:
        self._is_simulated = is_simulated
        self._shown: dict[str, tuple[int, tuple[str, ...]]] = {}
        """By venue: when it was asked last, and the ids that it showed."""
        self._sent_ns: dict[str, dict[str, int]] = {}
        """By venue and symbol's id prefix."""

    def note_sent(self, venue: str, id_prefix: str, now_ns: int) -> None:
        """An intent of a symbol went out, or an order ended: what was shown before proves nothing of it."""
        self._sent_ns.setdefault(venue, {})[id_prefix] = now_ns

    def see_open(self, venue: str, own: Sequence[str], asked_ns: int) -> None:
        """The venue's answer to the question of that time."""
        self._shown[venue] = (asked_ns, tuple(own))

    def is_proven_empty(self, venue: str, id_prefix: str | None = None) -> bool:
        """Has the venue shown none of our orders, of a symbol or at all, since the newest message about one?

        A simulated venue is known to the last order: an empty order table is the proof.
        """
        sent = self._sent_ns.get(venue, {})
        if id_prefix is not None:
            sent = {id_prefix: sent[id_prefix]} if id_prefix in sent else {}
        if self._is_simulated or not sent:
            return True
        asked_ns, own = self._shown.get(venue, (-1, ()))
        if id_prefix is not None:
            own = tuple(order_id for order_id in own if order_id.startswith(f"{id_prefix}-"))
        return not own and asked_ns > max(sent.values())


class Withdrawals:
    """All of them, with what was last said about each."""

    def __init__(self, truth: VenueTruth, deadline_ns: int) -> None:
        self._truth = truth
        self._deadline_ns = deadline_ns
        self._by_key: dict[str, Withdrawal] = {}
        """By `venue:symbol`, and by `venue:*` for all of a venue."""

    def judge(self, symbols: Collection[SymbolState], account: Account, now_ns: int) -> list[KillReport]:
        """The reports that are due."""
        reports = []
        for venue in {symbol.venue: None for symbol in symbols}:
            orders = [o for symbol in symbols if symbol.venue == venue for o in symbol.orders.values()]
            is_gone = not orders and self._truth.is_proven_empty(venue)
            withdrawal = self._withdrawal(venue, ALL_SYMBOLS, account.halt_reasons(), now_ns)
            reports.append(self._report(withdrawal, orders, now_ns, is_gone=is_gone))
        for symbol in symbols:
            reasons = (codes.RISK_HALT,) if symbol.risk == "HALT" else ()
            orders = list(symbol.orders.values())
            is_gone = not orders and self._truth.is_proven_empty(symbol.venue, symbol.id_prefix)
            withdrawal = self._withdrawal(symbol.venue, symbol.symbol, reasons, now_ns)
            reports.append(self._report(withdrawal, orders, now_ns, is_gone=is_gone))
        return [report for report in reports if report is not None]

    def _withdrawal(
        self, venue: str, symbol: str, reasons: tuple[str, ...], now_ns: int
    ) -> Withdrawal | None:
        """The withdrawal of a symbol or of all, begun or ended; None: there never was one."""
        key = f"{venue}:{symbol}"
        withdrawal = self._by_key.get(key)
        if withdrawal is None:
            if not reasons:
                return None
            withdrawal = self._by_key[key] = Withdrawal(venue, symbol)
        if reasons:
            withdrawal.begin(reasons, now_ns)
        else:
            withdrawal.end()
        return withdrawal

    def _report(
        self, withdrawal: Withdrawal | None, orders: list[Order], now_ns: int, *, is_gone: bool
    ) -> KillReport | None:
        if withdrawal is None:
            return None
        open_ids = tuple(order.client_order_id for order in orders)
        return withdrawal.report(open_ids, now_ns, self._deadline_ns, is_proven=is_gone)
