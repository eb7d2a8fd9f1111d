"""The whole engine at a glance, in pieces that remember when they changed: what the stream sends."""

import asyncio
from dataclasses import dataclass
from decimal import Decimal

from pydantic import TypeAdapter

from chassis.store import StateStore
from gateway_api.app.numbers import milliseconds, money_text
from gateway_api.app.reading import symbol_keys
from gateway_api.app.responses import Answer, Limit
from gateway_api.app.symbol_status import limits, symbol_status
from schemas.config import Config
from schemas.control import CommandAction
from schemas.envelope import decode
from schemas.orders import KillReport, KillState
from schemas.risk import RiskState, Severity, TradingState
from schemas.views import ACCOUNT_DOCUMENT, SYMBOL_PREFIX, AccountView, SymbolView

_ALERTS_SHOWN = 50
_COMMANDS_SHOWN = 10
_SYMBOLS_PER_TURN = 8


class WithdrawalGlance(Answer):
    """How far the orders of a halt are withdrawn."""

    key: str
    state: KillState
    """confirmed: the venue itself shows none of our orders. incomplete: it still does, or it does not say."""
    reasons: tuple[str, ...]
    since_ms: float
    open_orders: tuple[str, ...]
    """Client order ids that may still be live."""


class AccountGlance(Answer):
    """The account in the page's top strip; money in the reporting currency."""

    state: TradingState | None
    """None: risk-service has not spoken yet, so nothing may trade."""
    reasons: tuple[str, ...]
    latched: bool
    halt_sequence: int
    limits: tuple[Limit, ...]
    pnl: str
    gross_notional: str
    exposure: float
    """Gross notional / equity."""
    exposure_max: float
    refusals_without_symbol: int
    withdrawals: tuple[WithdrawalGlance, ...]


class AlertGlance(Answer):
    """An alert in the page's list."""

    alert_id: str
    time_ms: float
    severity: Severity
    name: str
    message: str
    key: str


class CommandGlance(Answer):
    """A command that the engine has taken."""

    command_id: str
    time_ms: float
    action: CommandAction
    key: str
    principal: str
    reason: str


_ALERTS = TypeAdapter(tuple[AlertGlance, ...])
_COMMANDS = TypeAdapter(tuple[CommandGlance, ...])


@dataclass(slots=True)
class _Piece:
    """A part of the overview, as JSON, and the number of the change that brought it."""

    text: bytes
    changed: int


class Overview:
    """Shared by all clients: a view is decoded once, however many watch it."""

    def __init__(self, store: StateStore, config: Config) -> None:
        self.change = 0
        """Counts the refreshes that found anything new; a piece remembers the one that changed it."""
        self._changed = False
        self._store = store
        self._config = config
        self._documents: dict[str, bytes] = {}
        self._symbols: dict[str, _Piece] = {}
        self._parts: dict[str, _Piece] = {}
        self._money: dict[str, tuple[Decimal, Decimal]] = {}
        self._account: AccountView | None = None

    async def refresh(self) -> None:
        """Take over what changed in the store, with pauses for the others in this loop: it may be trading."""
        change = self.change + 1
        self._changed = False
        stale_states = self._refresh_account(change)
        for number, key in enumerate(symbol_keys(self._store)):
            document = self._store.get(SYMBOL_PREFIX + key)
            if document is not None and (stale_states or document != self._documents.get(key)):
                self._documents[key] = document
                self._take_symbol(key, decode(SymbolView, document), change)
            if number % _SYMBOLS_PER_TURN == _SYMBOLS_PER_TURN - 1:
                await asyncio.sleep(0)
        self._put(self._parts, "account", self._account_glance().json_bytes(), change)
        self._put(self._parts, "view", b'"%b"' % self._store.status().state.encode(), change)
        if self._changed:
            self.change = change  # last: whoever has seen this number has seen all of its pieces

    def since(self, change: int) -> bytes:
        """The inside of a JSON object with the pieces that are newer than `change`."""
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
        self._put(self._parts, "alerts", _ALERTS.dump_json(_alerts(account)), change)
        self._put(self._parts, "commands", _COMMANDS.dump_json(_commands(account)), change)
        return _standing(before.risk if before else None) != _standing(account.risk)

    def _take_symbol(self, key: str, view: SymbolView, change: int) -> None:
        if view.position is not None:
            self._money[key] = (view.position.pnl_reporting, view.position.notional_reporting)
        self._put(self._symbols, key, symbol_status(view, self._account).json_bytes(), change)

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
            limits=limits(risk),
            pnl=money_text(pnl),
            gross_notional=money_text(gross),
            exposure=round(float(gross / equity), 6) if equity > 0 else 0.0,
            exposure_max=self._config.risk_limits.max_exposure,
            refusals_without_symbol=self._account.refusals_without_symbol if self._account else 0,
            withdrawals=tuple(map(_withdrawal, self._account.withdrawals)) if self._account else (),
        )


_NAMES = TypeAdapter(str)


def _newer(pieces: dict[str, _Piece], change: int) -> list[bytes]:
    return [
        b"%s:%s" % (_NAMES.dump_json(name), piece.text)
        for name, piece in pieces.items()
        if piece.changed > change
    ]


def _withdrawal(report: KillReport) -> WithdrawalGlance:
    return WithdrawalGlance(
        key=report.key,
        state=report.state,
        reasons=report.reasons,
        since_ms=milliseconds(report.began_ns),
        open_orders=report.open_orders,
    )


def _standing(risk: RiskState | None) -> tuple[object, ...]:
    return () if risk is None else (risk.state, risk.reasons, risk.latched)


def _alerts(account: AccountView) -> tuple[AlertGlance, ...]:
    return tuple(
        AlertGlance(
            alert_id=alert.alert_id,
            time_ms=milliseconds(alert.event_time_ns),
            severity=alert.severity,
            name=alert.name,
            message=alert.message,
            key=alert.key,
        )
        for alert in reversed(account.alerts[-_ALERTS_SHOWN:])
    )


def _commands(account: AccountView) -> tuple[CommandGlance, ...]:
    return tuple(
        CommandGlance(
            command_id=command.command_id,
            time_ms=milliseconds(command.event_time_ns),
            action=command.action,
            key=command.key,
            principal=command.principal,
            reason=command.reason,
        )
        for command in reversed(account.last_commands[-_COMMANDS_SHOWN:])
    )
