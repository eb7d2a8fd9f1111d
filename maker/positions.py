"""Ledgers against the account, and the messages by which an operator corrects a ledger."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import ROUND_FLOOR, Decimal
from typing import Any, Protocol, runtime_checkable
from uuid import uuid4

from pydantic import BaseModel, ConfigDict

from maker.asking import checked
from runtime.errors import ConfigError
from runtime.text import nearest
from schemas.control import Adjustment, AdjustmentKind
from schemas.holdings import HoldingSeen
from schemas.names import Reason
from schemas.numbers import PositiveDecimal, SignedDecimal


class RequestedAdjustment(BaseModel):
    """A requested correction of one ledger, or (adopt, without a symbol) of all. Sizes in base units."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: AdjustmentKind
    symbol: str | None = None
    size: SignedDecimal | None = None
    """New position of the ledger."""
    change: SignedDecimal | None = None
    """Or the change of the position."""
    price: PositiveDecimal | None = None
    """Booking price; None: the mark."""
    reason: Reason


@dataclass(frozen=True, slots=True)
class People:
    """Who requested and who approved a correction."""

    principal: str
    approver: str | None = None
    scope: tuple[str, ...] = ("*",)
    """Scope of the approver, or of the requester where one person is enough."""


def adjustment_from(fields: dict[str, Any]) -> RequestedAdjustment:
    """Raises ConfigError where the change is not possible."""
    return checked(RequestedAdjustment, fields)


def changes_of(
    holdings: Sequence[HoldingSeen], request: RequestedAdjustment
) -> list[tuple[HoldingSeen, Decimal]]:
    """The change of each affected ledger, in base units. Raises ConfigError where nothing would change."""
    if request.symbol is None:
        return _adopt_all(holdings)
    holding = find(holdings, request.symbol)
    if request.kind == "adopt":
        lots = _known(holding).missing_lots
        if not lots:
            raise ConfigError(f"{holding.symbol}: ledger and account agree to within a lot")
        return [(holding, lots * holding.lot)]
    return [(holding, _adjusted(holding, request))]


def adjustments_of(
    changes: Sequence[tuple[HoldingSeen, Decimal]], request: RequestedAdjustment, people: People, now_ns: int
) -> list[Adjustment]:
    """The messages, unsigned."""
    made = [
        Adjustment(
            event_time_ns=now_ns,
            venue=holding.venue,
            symbol=holding.symbol,
            adjustment_id=uuid4().hex,
            kind=request.kind,
            size_change=change / holding.contract_size,
            price=request.price,
            principal=people.principal,
            approver=people.approver,
            reason=request.reason,
            scope=people.scope,
        )
        for holding, change in changes
    ]
    if people.approver is None:
        return made
    return [each.model_copy(update={"approved_digest": each.held_digest()}) for each in made]


def find(holdings: Sequence[HoldingSeen], symbol: str) -> HoldingSeen:
    """The holding of `BTC/USDT` or `venue:BTC/USDT`; raises ConfigError with the nearest name."""
    found = next((each for each in holdings if symbol in {each.symbol, each.key}), None)
    if found is None:
        raise ConfigError(
            f"no symbol is called {symbol!r}{nearest(symbol, [each.symbol for each in holdings])}"
        )
    return found


def with_pending(holdings: Sequence[HoldingSeen], pending: Sequence[Adjustment]) -> list[HoldingSeen]:
    """The ledgers after the adjustments that are still pending in the log."""
    found = {each.key: each for each in holdings}
    for adjustment in pending:
        own = found.get(adjustment.key)
        if own is None:
            continue
        change = adjustment.size_change * own.contract_size
        found[own.key] = own.model_copy(update={"ledger": own.ledger + change})
        for each in tuple(found.values()):
            if each.symbol in own.shares and each.difference is not None and each.venue == own.venue:
                less = {"difference": each.difference - change}
                found[each.key] = each.model_copy(update=less)
    return list(found.values())


def _adopt_all(holdings: Sequence[HoldingSeen]) -> list[tuple[HoldingSeen, Decimal]]:
    off = [holding for holding in holdings if _known(holding).missing_lots]
    if not off:
        raise ConfigError("all ledgers and the account agree to within a lot")
    shared = [holding for holding in off if len(holding.shares) > 1]
    if shared:
        names = ", ".join(holding.symbol for holding in shared)
        raise ConfigError(
            f"the difference in {names} is in a shared currency, {shared[0].unit}, and cannot be attributed: "
            f"assign it to one by name, as `maker positions adopt {shared[0].symbol}`, or adjust each"
        )
    return [(holding, holding.missing_lots * holding.lot) for holding in off]


def _known(holding: HoldingSeen) -> HoldingSeen:
    if holding.difference is None:
        raise ConfigError(
            f"{holding.symbol}: the venue has not reported the account's holdings; start the engine, which "
            "reports the difference, or set the position with `maker positions adjust`"
        )
    return holding


def _adjusted(holding: HoldingSeen, request: RequestedAdjustment) -> Decimal:
    if (request.size is None) == (request.change is None):
        raise ConfigError("give the new position with --size, or its change with --by")
    if request.change is not None:
        _check_lots("--by", request.change, holding)
        change = request.change
    else:
        size = request.size or Decimal(0)
        _check_lots("--size", size, holding)
        return size - holding.ledger  # 0 too: an operator confirms it, as after a contract change
    if not change:
        raise ConfigError(f"{holding.symbol}: --by 0 changes nothing")
    return change


def _check_lots(option: str, size: Decimal, holding: HoldingSeen) -> None:
    below = (size / holding.lot).to_integral_value(ROUND_FLOOR) * holding.lot
    if size != below:
        raise ConfigError(
            f"{option} {size:f}: {holding.symbol} trades in whole lots of {holding.lot:f} {holding.unit}: "
            f"give {below:f} or {below + holding.lot:f}"
        )


@runtime_checkable
class ShowsHoldings(Protocol):
    """A core that knows the holdings."""

    def holdings(self) -> list[HoldingSeen]:
        """Ledger and account of every symbol."""


class PositionDesk:
    """The engine's side: shows holdings and sends corrections for users of its own machine."""

    def __init__(
        self,
        holdings: Callable[[], list[HoldingSeen]],
        send: Callable[[Adjustment], None],
        now_ns: Callable[[], int],
    ) -> None:
        self._holdings = holdings
        self._send = send
        self._now_ns = now_ns

    def answer(self, query: dict[str, Any], user: str) -> dict[str, Any]:
        """The holdings; or, where the query carries a correction, the changes made by it. The people in the
        query, where given, replace the user of this machine. Raises ConfigError.
        """
        holdings = self._holdings()
        if "wanted" not in query:
            return {"holdings": [each.model_dump(mode="json") for each in holdings]}
        request = adjustment_from(query["wanted"])
        people = _people_from(query["people"]) if query.get("people") else People(user)
        changes = changes_of(holdings, request)
        for adjustment in adjustments_of(changes, request, people, self._now_ns()):
            self._send(adjustment)
        return {"changes": [change_shown(holding, change) for holding, change in changes]}


def _people_from(fields: dict[str, Any]) -> People:
    return People(fields["principal"], fields["approver"], tuple(fields["scope"]))


def change_shown(holding: HoldingSeen, change: Decimal) -> dict[str, str]:
    """A change of a ledger, formatted for display."""
    return {
        "symbol": holding.symbol,
        "unit": holding.unit,
        "before": f"{holding.ledger:f}",
        "change": f"{change:+f}",
        "after": f"{holding.ledger + change:f}",
    }
