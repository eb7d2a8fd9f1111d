"""The whole engine at a glance, in pieces that remember when they changed: what the stream sends."""

import asyncio
from dataclasses import dataclass
from decimal import Decimal
from itertools import chain
from secrets import token_hex
from time import monotonic

from pydantic import TypeAdapter

from chassis.store import StateStore
from gateway_api.access.identity import EVERYTHING
from gateway_api.app.detail import fills_of
from gateway_api.app.glances import (
    FILLS_SHOWN,
    AccountGlance,
    FillNews,
    alerts_json,
    changes_json,
    commands_json,
    fills_json,
    proposals_json,
    withdrawal_glance,
)
from gateway_api.app.numbers import milliseconds, money_text
from gateway_api.app.reading import symbol_keys
from gateway_api.app.symbol_status import limits, symbol_status
from schemas.config import Config
from schemas.envelope import decode
from schemas.message import ALL_SYMBOLS
from schemas.risk import RiskState
from schemas.views import ACCOUNT_DOCUMENT, SYMBOL_PREFIX, AccountView, SymbolView

_SYMBOLS_PER_TURN = 4


@dataclass(frozen=True, slots=True)
class Sight:
    """What somebody gets to see."""

    identity_scope: tuple[str, ...]
    shows_pnl: bool

    def reaches(self, key: str) -> bool:
        """Is a symbol in sight?"""
        return EVERYTHING in self.identity_scope or key in self.identity_scope


@dataclass(slots=True)
class _Piece:
    """A part of the overview, as JSON, and the number of the change that brought it."""

    text: bytes
    changed: int


class Overview:
    """Shared by all clients: a view is decoded once, however many watch it."""

    def __init__(self, store: StateStore, config: Config, sight: Sight) -> None:
        self.epoch = token_hex(4)
        """Changes are counted anew by another overview: a number means nothing there."""
        self.change = 0
        """Counts the refreshes that found anything new; a piece remembers the one that changed it."""
        self._changed = False
        self._store = store
        self._config = config
        self._sight = sight
        self._fills: dict[str, tuple[FillNews, ...]] = {}
        self._documents: dict[str, bytes] = {}
        self._symbols: dict[str, _Piece] = {}
        self._parts: dict[str, _Piece] = {}
        self._money: dict[str, tuple[Decimal, Decimal]] = {}
        self._account: AccountView | None = None
        self._newest: tuple[int, int, bytes] = (-1, -1, b"")
        """What was asked for last: from which change to which, and the answer; most clients ask the same."""

    async def refresh(self) -> float:
        """Take over what changed in the store, with pauses for the others in this loop: it may be trading.

        Returns the seconds that it took of the loop, the pauses left out.
        """
        began_s, paused_s = monotonic(), 0.0
        change = self.change + 1
        self._changed = False
        stale_states = self._refresh_account(change)
        for number, key in enumerate(filter(self._sight.reaches, symbol_keys(self._store))):
            document = self._store.get(SYMBOL_PREFIX + key)
            if document is not None and (stale_states or document != self._documents.get(key)):
                self._documents[key] = document
                self._take_symbol(key, decode(SymbolView, document), change)
            if number % _SYMBOLS_PER_TURN == _SYMBOLS_PER_TURN - 1:
                paused_s += await _others_turn()
        self._put(self._parts, "account", self._account_glance().json_bytes(), change)
        self._put(self._parts, "fills", fills_json(chain.from_iterable(self._fills.values())), change)
        self._put(self._parts, "view", b'"%b"' % self._store.status().state.encode(), change)
        if self._changed:
            self.change = change  # last: whoever has seen this number has seen all of its pieces
        return monotonic() - began_s - paused_s

    def since(self, change: int) -> bytes:
        """The inside of a JSON object with the pieces that are newer than `change`."""
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
        """True where every symbol's state may be another, because the account's is."""
        document = self._store.get(ACCOUNT_DOCUMENT)
        if document is None or document == self._documents.get(ACCOUNT_DOCUMENT):
            return False
        self._documents[ACCOUNT_DOCUMENT] = document
        before, account = self._account, decode(AccountView, document)
        self._account = account
        alerts = [
            alert for alert in account.alerts if alert.symbol == ALL_SYMBOLS or self._sight.reaches(alert.key)
        ]
        self._put(self._parts, "alerts", alerts_json(alerts, account), change)
        self._put(self._parts, "proposals", proposals_json(account), change)
        self._put(self._parts, "changes", changes_json(account), change)
        self._put(self._parts, "commands", commands_json(account), change)
        return _standing(before.risk if before else None) != _standing(account.risk)

    def _take_symbol(self, key: str, view: SymbolView, change: int) -> None:
        if view.position is not None:
            self._money[key] = (view.position.pnl_reporting, view.position.notional_reporting)
        self._take_fills(key, view)
        status = symbol_status(view, self._account)
        shown = status if self._sight.shows_pnl else status.without_money()
        self._put(self._symbols, key, shown.json_bytes(), change)

    def _take_fills(self, key: str, view: SymbolView) -> None:
        newest = view.last_fills[-1:]
        known = self._fills.get(key, ())
        if newest and (not known or known[0].time_ms != milliseconds(newest[0].event_time_ns)):
            self._fills[key] = tuple(
                FillNews(**fill.model_dump(), key=key) for fill in fills_of(view)[:FILLS_SHOWN]
            )

    def _put(self, pieces: dict[str, _Piece], name: str, text: bytes, change: int) -> None:
        known = pieces.get(name)
        if known is None or known.text != text:
            pieces[name] = _Piece(text, change)
            self._changed = True

    def _account_glance(self) -> AccountGlance:
        risk = self._account.risk if self._account else None
        pnl = sum((money[0] for money in self._money.values()), Decimal(0))
        gross = sum((abs(money[1]) for money in self._money.values()), Decimal(0))
        equity = self._config.reporting.capital + pnl
        return AccountGlance(
            state=risk.state if risk else None,
            reasons=risk.reasons if risk else (),
            latched=risk.latched if risk else False,
            halt_sequence=risk.halt_sequence if risk else 0,
            resume_asked_by=risk.resume_asked_by if risk else None,
            resume_people=self._config.risk_limits.resume_people,
            limits=limits(risk),
            pnl=money_text(pnl) if self._sight.shows_pnl else None,
            gross_notional=money_text(gross),
            exposure=round(float(gross / equity), 6) if equity > 0 else 0.0,
            exposure_max=self._config.risk_limits.max_exposure,
            refusals_without_symbol=self._account.refusals_without_symbol if self._account else 0,
            withdrawals=tuple(map(withdrawal_glance, self._account.withdrawals)) if self._account else (),
        )


_NAMES = TypeAdapter(str)


async def _others_turn() -> float:
    """Let the others of the loop go on; the seconds that they took."""
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
    return () if risk is None else (risk.state, risk.reasons, risk.latched)
