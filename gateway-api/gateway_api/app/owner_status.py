"""A symbol's status in the words of the owner's design: plain numbers, and what is within its limits."""

from decimal import Decimal

from gateway_api.access.visibility import Sight
from gateway_api.app.owner_responses import (
    CamelStatus,
    CurrentQuotes,
    MakerStatus,
    OwnerStatus,
    PricedSize,
    RiskStatus,
)
from gateway_api.app.responses import OwnSide, SymbolStatus
from schemas.risk import RiskState
from schemas.views import AccountView, SymbolView

_STOPPED = frozenset({"STOPPED", "NOT_QUOTED"})
_IN_ERROR = frozenset({"HALTED", "NO_MARKET"})
_NOTHING = Decimal(0)


def owner_status(
    status: SymbolStatus, view: SymbolView, account: AccountView | None, sight: Sight
) -> OwnerStatus:
    """Numbers are 0 before the first fill; the PnL is None only for who may not see it."""
    pnl = Decimal(status.pnl.total) if status.pnl is not None else _NOTHING
    return OwnerStatus(
        symbol=status.symbol,
        status=word_of(status),
        current_quotes=_quotes(status),
        inventory=_NOTHING if status.inventory is None else Decimal(status.inventory.position),
        pnl=pnl if sight.may("pnl", status.key) else None,
        risk_status=_within(view.risk, account.risk if account else None),
    )


def in_camel_case(status: OwnerStatus) -> CamelStatus:
    """The same in TypeScript's names."""
    return CamelStatus.model_validate(status.model_dump())


def word_of(status: SymbolStatus) -> MakerStatus:
    """Whether a symbol is quoted, in one word."""
    if status.stopped or status.state in _STOPPED:
        return "stopped"
    return "error" if status.state in _IN_ERROR else "active"


def _quotes(status: SymbolStatus) -> CurrentQuotes | None:
    bid, ask = _priced(status.bid), _priced(status.ask)
    return None if bid is None and ask is None else CurrentQuotes(bid=bid, ask=ask)


def _priced(side: OwnSide) -> PricedSize | None:
    quote = side.quote
    return None if quote is None else PricedSize(price=Decimal(quote.price), size=Decimal(quote.size))


def _within(own: RiskState | None, account: RiskState | None) -> RiskStatus:
    """By the reasons of risk-service and the use of each limit: a halt's reasons name no limit that would
    only have reduced. Without the account's state nothing is traded.
    """
    known = [state for state in (own, account) if state is not None]

    def ok(limit: str, *codes: str) -> bool:
        return not any(_is_used_up(state, limit) or _has_reason(state, codes) for state in known)

    return RiskStatus(
        position_ok=ok("position", "MAX_POSITION"),
        loss_ok=ok("loss", "MAX_LOSS", "ACCOUNT_MAX_LOSS"),
        exposure_ok=ok("exposure", "MAX_EXPOSURE"),
        drawdown_ok=ok("drawdown", "MAX_DRAWDOWN", "NO_EQUITY"),
        overall_ok=account is not None and all(state.state == "RUN" for state in known),
    )


def _is_used_up(state: RiskState, limit: str) -> bool:
    """Loss and drawdown are below 0, and so are their limits."""
    return any(use.name == limit and abs(use.value) >= abs(use.limit) for use in state.limits)


def _has_reason(state: RiskState, codes: tuple[str, ...]) -> bool:
    """A limit once reached restricts until it is used clearly less."""
    return any(reason.partition(":")[0] in codes for reason in state.reasons)
