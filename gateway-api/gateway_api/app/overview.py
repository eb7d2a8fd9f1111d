"""The overview that the stream sends, in pieces that record when they changed."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from itertools import chain
from secrets import token_hex
from time import monotonic
from typing import NamedTuple

import structlog
from pydantic import TypeAdapter

from gateway_api.access.visibility import STREAM_PARTS, Sight, StreamPart
from gateway_api.app.current import current_of
from gateway_api.app.detail import fills_of
from gateway_api.app.numbers import milliseconds
from gateway_api.app.reading import all_keys
from gateway_api.app.responses import Limit
from gateway_api.app.symbol_status import limits, symbol_status
from gateway_api.app.view_models import (
    FILLS_SHOWN,
    AccountViewModel,
    FillNews,
    alerts_json,
    changes_json,
    commands_json,
    fills_json,
    mass_cancel_view_model,
    proposals_json,
)
from runtime.store.documents import StateStore
from schemas.config import Config
from schemas.envelope import decode
from schemas.numbers import shortened
from schemas.risk import RiskState
from schemas.units import from_units, money_text
from schemas.views import ACCOUNT_DOCUMENT, SYMBOL_PREFIX, AccountView, SymbolView

_SYMBOLS_PER_TURN = 4

logger = structlog.get_logger()


class _Money(NamedTuple):
    """Amounts in the reporting currency."""

    total: Decimal
    session: Decimal
    day: Decimal
    gross: Decimal
    """Absolute notional."""
    with_orders: Decimal
    """The largest absolute notional that fills of the open orders can lead to."""


_NO_MONEY = _Money(*[Decimal(0)] * 5)


@dataclass(slots=True)
class _Piece:
    """A part of the overview as JSON, and the number of its latest change."""

    text: bytes
    changed: int


class Overview:
    """Shared by all clients: a view is decoded once, however many clients there are."""

    def __init__(self, store: StateStore, config: Config, sight: Sight) -> None:
        self.epoch = token_hex(4)
        """Identifies this overview: change numbers of another one are meaningless here."""
        self.change = 0
        """Number of refreshes with changes; each piece records the one that changed it."""
        self._changed = False
        self._store = store
        self._config = config
        """In force: of the start, with the live changes."""
        self._started_with = config
        self._sight = sight
        self._fills: dict[str, tuple[FillNews, ...]] = {}
        self._documents: dict[str, bytes] = {}
        self._symbols: dict[str, _Piece] = {}
        self._parts: dict[str, _Piece] = {}
        self._money: dict[str, _Money] = {}
        self._account: AccountView | None = None
        self._failed: dict[str, None] = {}
        """Parts and symbols that could not be made at the last refresh."""
        self._newest: tuple[int, int, bytes] = (-1, -1, b"")
        """The last query and its answer: most clients ask for the same range of changes."""

    async def refresh(self) -> float:
        """Apply changes from the store, yielding to the event loop, which may be trading.

        Returns the seconds of loop time used, without the pauses.
        """
        began_s, paused_s = monotonic(), 0.0
        change = self.change + 1
        self._changed = False
        stale_states = self._refresh_account(change)
        for number, key in enumerate(filter(self._sight.reaches, all_keys(self._store))):
            document = self._store.get(SYMBOL_PREFIX + key)
            if document is not None and (stale_states or document != self._documents.get(key)):
                self._documents[key] = document
                self._apply_symbol(key, decode(SymbolView, document), change)
            if number % _SYMBOLS_PER_TURN == _SYMBOLS_PER_TURN - 1:
                paused_s += await _others_turn()
        self._put_part("account", lambda: self._account_view_model().json_bytes(), change)
        self._put_part("fills", lambda: fills_json(chain.from_iterable(self._fills.values())), change)
        self._put_part("view", lambda: b'"%b"' % self._store.status().state.encode(), change)
        if self._changed:
            self.change = change  # last, so that a client with this number has all its pieces
        return monotonic() - began_s - paused_s

    def since(self, change: int) -> bytes:
        """The members of a JSON object with the pieces newer than `change`."""
        since, until, text = self._newest
        if (since, until) != (change, self.change) or change < 0:
            text = self._joined(change)
            self._newest = (change, self.change, text)
        return text

    def _joined(self, change: int) -> bytes:
        parts = _newer(self._parts, change)
        symbols = _newer(self._symbols, change)
        if symbols:
            parts.append(b'"symbols":{%s}' % b",".join(symbols))
        return b",".join(parts)

    def _refresh_account(self, change: int) -> bool:
        """True where a change of the account may have changed the state of every symbol."""
        document = self._store.get(ACCOUNT_DOCUMENT)
        if document is None or document == self._documents.get(ACCOUNT_DOCUMENT):
            return False
        self._documents[ACCOUNT_DOCUMENT] = document
        before, account = self._account, decode(AccountView, document)
        self._account = account
        sees = self._sight.sees_event
        if before is None or before.changes != account.changes:
            self._config = current_of(self._started_with, account.changes).config
        changes = [each for each in account.changes if sees(each.change)]
        self._put_part("alerts", lambda: alerts_json([*filter(sees, account.alerts)], account), change)
        self._put_part("proposals", lambda: proposals_json([*filter(sees, account.proposals)]), change)
        self._put_part("changes", lambda: changes_json(changes), change)
        self._put_part("commands", lambda: commands_json([*filter(sees, account.last_commands)]), change)
        are_others_removed = (before.removed if before else ()) != account.removed
        return are_others_removed or _standing(before.risk if before else None) != _standing(account.risk)

    def _apply_symbol(self, key: str, view: SymbolView, change: int) -> None:
        self._money[key] = _money_of(view)
        self._apply_fills(key, view)
        if STREAM_PARTS["symbols"] in self._sight.permissions:
            text = self._made(key, lambda: self._status_text(key, view))
            if text is not None:
                self._put(self._symbols, key, text, change)

    def _status_text(self, key: str, view: SymbolView) -> bytes:
        """null ends a symbol that was removed; its profit stays in the account's."""
        if self._account is not None and key in self._account.removed:
            return b"null"
        return symbol_status(view, self._account, self._sight).json_bytes()

    def _apply_fills(self, key: str, view: SymbolView) -> None:
        newest = view.last_fills[-1:]
        known = self._fills.get(key, ())
        if newest and (not known or known[0].time_ms != milliseconds(newest[0].event_time_ns)):
            self._fills[key] = tuple(
                FillNews(**fill.model_dump(), key=key) for fill in fills_of(view, self._sight)[:FILLS_SHOWN]
            )

    def _put_part(self, name: StreamPart, make: Callable[[], bytes], change: int) -> None:
        """A part is sent only to users who may see it."""
        if STREAM_PARTS[name] in self._sight.permissions:
            text = self._made(name, make)
            if text is not None:
                self._put(self._parts, name, text, change)

    def _made(self, name: str, make: Callable[[], bytes]) -> bytes | None:
        """The text of a part or symbol; None, logged once, where it cannot be made: the others are sent."""
        try:
            text = make()
        except Exception as error:
            if name not in self._failed:
                logger.error("stream_part_failed", part=name, error=shortened(repr(error)))  # noqa: TRY400
                self._failed[name] = None
            return None
        self._failed.pop(name, None)
        return text

    def _put(self, pieces: dict[str, _Piece], name: str, text: bytes, change: int) -> None:
        known = pieces.get(name)
        if known is None or known.text != text:
            pieces[name] = _Piece(text, change)
            self._changed = True

    def _account_view_model(self) -> AccountViewModel:
        risk = self._account.risk if self._account else None
        columns = zip(_NO_MONEY, *self._money.values(), strict=True)
        money = _Money(*(sum(column, Decimal(0)) for column in columns))
        equity = self._config.reporting.capital + money.total
        exposure = round(float(money.gross / equity), 6) if equity > 0 else 0.0
        began_ns = self._account.session_began_ns if self._account else 0
        shows_pnl = "pnl" in self._sight.permissions
        mass_cancels = filter(self._sight.sees_event, self._account.withdrawals if self._account else ())
        return AccountViewModel(
            state=risk.state if risk else None,
            reasons=risk.reasons if risk else (),
            latched=risk.latched if risk else False,
            halt_sequence=risk.halt_sequence if risk else 0,
            resume_asked_by=risk.resume_asked_by if risk else None,
            flattens=risk.flattens if risk else False,
            flatten_asked_by=risk.flatten_asked_by if risk else None,
            resume_people=self._config.risk_limits.resume_people,
            limits=(*limits(risk, self._sight), *(self._gate_limits(money) if shows_pnl else ())),
            pnl=money_text(money.total) if shows_pnl else None,
            session_pnl=money_text(money.session) if shows_pnl else None,
            day_pnl=money_text(money.day) if shows_pnl else None,
            session_began_ms=milliseconds(began_ns) if began_ns else None,
            gross_notional=money_text(money.gross),
            exposure=exposure if shows_pnl else None,
            exposure_max=self._config.risk_limits.max_exposure,
            warn_at=self._config.risk_limits.warn_at,
            refusals_without_symbol=self._account.refusals_without_symbol if self._account else 0,
            withdrawals=tuple(map(mass_cancel_view_model, mass_cancels)),
        )

    def _gate_limits(self, money: _Money) -> tuple[Limit, ...]:
        """What the order router's gate keeps besides risk-service's limits."""
        capital, most = self._config.reporting.capital, self._config.risk_limits.max_exposure
        share = round(float(money.with_orders / capital), 6)
        return (Limit(name="exposure_with_orders", value=share, limit=most, unit="of capital"),)


def _money_of(view: SymbolView) -> _Money:
    position, profits = view.position, view.profits
    if position is None or profits is None:
        return _NO_MONEY._replace(with_orders=_with_orders(view))
    return _Money(
        position.pnl_reporting,
        profits.session * profits.rate,
        profits.day * profits.rate,
        abs(position.notional_reporting),
        max(abs(position.notional_reporting), _with_orders(view)),
    )


def _with_orders(view: SymbolView) -> Decimal:
    """As the gate counts it: all orders of one side are filled, none of the other."""
    contract, position, book = view.instrument, view.position, view.book
    mark = None if position is None else position.mark_half_ticks
    if mark is None and book is not None and book.bid_prices and book.ask_prices:
        mark = book.bid_prices[0] + book.ask_prices[0]
    if contract is None or mark is None:
        return Decimal(0)
    lots = 0 if position is None else position.position_lots
    open_lots = {"buy": 0, "sell": 0}
    for order in view.live_orders:
        open_lots[order.side] += order.size_lots - order.filled_lots
    worst_lots = max(abs(lots), abs(lots + open_lots["buy"]), abs(lots - open_lots["sell"]))
    return from_units(worst_lots * mark, contract.money_per_tick_lot) / 2 * contract.reporting_rate


_NAMES = TypeAdapter(str)


async def _others_turn() -> float:
    """Yield to the event loop; returns the seconds that others used."""
    began_s = monotonic()
    await asyncio.sleep(0)
    return monotonic() - began_s


def _newer(pieces: dict[str, _Piece], change: int) -> list[bytes]:
    return [
        b"%s:%s" % (_NAMES.dump_json(name), piece.text)
        for name, piece in pieces.items()
        if piece.changed > change
    ]


def _standing(risk: RiskState | None) -> tuple[object, ...]:
    return () if risk is None else (risk.state, risk.reasons, risk.latched, risk.flattens)
