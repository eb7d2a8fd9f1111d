"""What is done about inventories beyond leaning: by urgency, or because a person wants it."""

from collections.abc import Iterator, Mapping

from inventory_service.core.position_message import back_to_target
from inventory_service.core.symbol import SymbolInventory
from inventory_service.core.symbol_limits import SymbolLimits
from inventory_service.core.takeover import because
from schemas.balance_settings import Balance
from schemas.balancing import BalanceOrder
from schemas.control import Command
from schemas.message import ALL_SYMBOLS
from schemas.risk import RiskState, flattens_under_halt

_ACCOUNT = f"{ALL_SYMBOLS}:{ALL_SYMBOLS}"


class Balancers:
    """Follows people's commands and the halts in force."""

    def __init__(self) -> None:
        self._risk: dict[str, RiskState] = {}
        """By `venue:symbol`, and of the account."""

    def on_command(self, command: Command, symbols: Mapping[str, SymbolInventory]) -> None:
        """A person wants positions closed; a later start of quoting ends that."""
        if command.action in ("start", "flatten"):
            for symbol in _concerned(command.symbol, command.key, symbols):
                symbol.balancer.is_flattened = command.action == "flatten"

    def on_risk(self, state: RiskState, symbols: Mapping[str, SymbolInventory]) -> None:
        """A halt ends that too: under it only what the halt itself lets out is closed."""
        self._risk[state.key] = state
        if state.state == "HALT":
            for symbol in _concerned(state.symbol, state.key, symbols):
                symbol.balancer.is_flattened = False

    def decisions(
        self, symbols: Mapping[str, SymbolInventory], limits: SymbolLimits, own: Balance, now_ns: int
    ) -> Iterator[BalanceOrder]:
        """The decisions to publish; a ledger in doubt is left alone."""
        for key, symbol in symbols.items():
            halts = [self._risk.get(_ACCOUNT), self._risk.get(key)]
            flattens = flattens_under_halt(*halts) or symbol.balancer.is_flattened
            contract, balancer = symbol.contract, symbol.balancer
            if own.stage_max == balancer.stage == "lean" and not flattens:
                continue
            if contract is None or symbol.has_old_units or symbol.lacks or because(symbol):
                continue
            back = back_to_target(symbol, contract, limits.of_symbol(contract.symbol))
            is_halted = any(state is not None and state.state == "HALT" for state in halts)
            trade = balancer.trade_due(
                symbol.ledger.position_lots, back, own, flattens=flattens, is_halted=is_halted
            )
            order = balancer.decide(trade, symbol.spread, contract, now_ns)
            if order is not None:
                yield order


def _concerned(name: str, key: str, symbols: Mapping[str, SymbolInventory]) -> Iterator[SymbolInventory]:
    return (symbol for known, symbol in symbols.items() if name == ALL_SYMBOLS or known == key)
